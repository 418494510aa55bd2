// Package problem answers errors as application/problem+json (RFC 9457): the
// reason and the fields that programs compare, a sentence for people, and the
// trace id for whoever looks into it.
package problem

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/trace"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/rpcerr"
)

// ContentType of a problem.
const ContentType = "application/problem+json"

// Domain says whose reasons these are.
const Domain = "stampworks.dev"

// Problem is the body.
type Problem struct {
	Type       string            `json:"type"`
	Title      string            `json:"title"`
	Status     int               `json:"status"`
	Detail     string            `json:"detail,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	Domain     string            `json:"domain,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	Violations []Violation       `json:"violations,omitempty"`
	TraceID    string            `json:"trace_id,omitempty"`
}

// Violation is one field that is wrong.
type Violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

// statusOf are the HTTP statuses of the kinds, as google.rpc.Code maps them.
var statusOf = map[errs.Kind]int{
	errs.InvalidArgument:    http.StatusBadRequest,
	errs.NotFound:           http.StatusNotFound,
	errs.AlreadyExists:      http.StatusConflict,
	errs.Conflict:           http.StatusConflict,
	errs.FailedPrecondition: http.StatusBadRequest,
	errs.Unauthenticated:    http.StatusUnauthorized,
	errs.PermissionDenied:   http.StatusForbidden,
	errs.ResourceExhausted:  http.StatusTooManyRequests,
	errs.Unavailable:        http.StatusServiceUnavailable,
	errs.Unimplemented:      http.StatusNotImplemented,
	errs.TooLarge:           http.StatusRequestEntityTooLarge,
	errs.DeadlineExceeded:   http.StatusGatewayTimeout,
	errs.Canceled:           499, // as nginx says: the caller went away
}

// statusOfReason are those that HTTP knows better than the kind does.
var statusOfReason = map[string]int{
	"REVISION_COMPACTED": http.StatusGone,
	"METHOD_NOT_ALLOWED": http.StatusMethodNotAllowed,
}

// Of describes an error that happened while answering a request.
func Of(r *http.Request, err error) Problem {
	known := inform(err)
	p := Problem{
		Type: "about:blank", Status: status(r, known), Detail: known.Message,
		Reason: known.Reason, Domain: Domain, Metadata: known.Metadata,
	}
	p.Title = http.StatusText(p.Status)
	if p.Title == "" {
		p.Title = "Client Closed Request"
	}
	for _, v := range known.Violations {
		p.Violations = append(p.Violations, Violation(v))
	}
	if span := trace.SpanContextFromContext(r.Context()); span.HasTraceID() {
		p.TraceID = span.TraceID().String()
	}
	return p
}

// Write answers a request with an error.
func Write(w http.ResponseWriter, r *http.Request, err error) {
	p := Of(r, err)
	h := w.Header()
	h.Del("Content-Length")
	h.Del("Transfer-Encoding")
	h.Set("Content-Type", ContentType)
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="stampworks"`)
	}
	if wait := inform(err).RetryAfter; wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// inform gives what is known of an error. One without a kind is hidden.
func inform(err error) *errs.Error {
	var known *errs.Error
	if errors.As(err, &known) {
		return known
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return errs.New(errs.TooLarge, "BODY_TOO_LARGE", "the body is larger than %d bytes", tooLarge.Limit)
	}
	if errors.As(rpcerr.FromError(err, "gateway"), &known) {
		return known
	}
	return errs.New(errs.Internal, "INTERNAL", "something went wrong inside; look up the trace")
}

func status(r *http.Request, known *errs.Error) int {
	if s, special := statusOfReason[known.Reason]; special {
		return s
	}
	if known.Kind == errs.Conflict && r.Header.Get("If-Match") != "" {
		return http.StatusPreconditionFailed
	}
	if s, mapped := statusOf[known.Kind]; mapped {
		return s
	}
	return http.StatusInternalServerError
}
