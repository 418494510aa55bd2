package desk

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"stampworks.dev/deploy/products/helpdesk/internal/ticket"
)

// problem is an error answer after RFC 9457.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Field  string `json:"field,omitempty"`
}

var (
	errMediaType = errors.New("the body must be application/json")
	errBody      = errors.New("the body is not the JSON that this method takes")
)

// explain turns an error into what the caller may know of it.
func (d *Desk) explain(err error) problem {
	var invalid *ticket.Invalid
	var big *http.MaxBytesError
	p := problem{Status: http.StatusServiceUnavailable, Detail: "the database does not answer; try again"}
	switch {
	case errors.As(err, &big):
		p = problem{Status: http.StatusRequestEntityTooLarge, Detail: "a request may have 64 KiB"}
	case errors.As(err, &invalid):
		p = problem{Status: http.StatusBadRequest, Detail: invalid.Error(), Field: invalid.Field}
	case errors.Is(err, errMediaType):
		p = problem{Status: http.StatusUnsupportedMediaType, Detail: err.Error()}
	case errors.Is(err, errBody):
		p = problem{Status: http.StatusBadRequest, Detail: err.Error()}
	case errors.Is(err, ticket.ErrNotFound):
		p = problem{Status: http.StatusNotFound, Detail: err.Error()}
	case errors.Is(err, ticket.ErrClosed):
		p = problem{Status: http.StatusConflict, Detail: err.Error()}
	default:
		d.log.Error("request failed", "error", err)
	}
	p.Title = http.StatusText(p.Status)
	return p
}

func (d *Desk) fail(w http.ResponseWriter, err error) { writeProblem(w, d.explain(err)) }

func writeProblem(w http.ResponseWriter, p problem) {
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the caller may have left
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller may have left
}

// readJSON takes exactly one value and no unknown field.
func readJSON(r *http.Request, v any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return errMediaType
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return nil
		}
	}
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return big
	}
	if err == nil {
		err = errors.New("more than one value")
	}
	return errors.Join(errBody, err)
}
