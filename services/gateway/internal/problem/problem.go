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
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/rpcerr"
	"stampworks.dev/pkg/telemetry"
)

// ContentType of a problem.
const ContentType = "application/problem+json"

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
	"BODY_TOO_SLOW":      http.StatusRequestTimeout,
	"UPGRADE_REQUIRED":   http.StatusUpgradeRequired,
	"SOURCE_FULL":        http.StatusServiceUnavailable, // a sender tries again later, and is at no fault
}

// Of describes an error that happened while answering a request.
func Of(r *http.Request, err error) Problem {
	known := inform(err)
	return describe(known, httpStatus(known, r.Header.Get("If-Match") != ""), telemetry.TraceID(r.Context()))
}

func describe(known *errs.Error, status int, traceID string) Problem {
	p := Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: known.Message,
		Reason: known.Reason, Domain: rpcerr.Domain, Metadata: known.Metadata, TraceID: traceID,
	}
	if p.Title == "" {
		p.Title = "Client Closed Request"
	}
	for _, v := range known.Violations {
		p.Violations = append(p.Violations, Violation(v))
	}
	return p
}

// Write answers a request with an error.
func Write(w http.ResponseWriter, r *http.Request, err error) {
	p := Of(r, err)
	h := w.Header()
	for _, stale := range []string{"Content-Length", "Transfer-Encoding", "Trailer", "Etag", "Location"} {
		h.Del(stale)
	}
	h.Set("Content-Type", ContentType)
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", challenge(p.Reason))
	}
	if wait := retryAfter(p.Status, inform(err)); wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// challenge says how to prove oneself (RFC 6750 §3).
func challenge(reason string) string {
	scheme := `Bearer realm="stampworks"`
	if reason == "TOKEN_MISSING" {
		return scheme
	}
	return scheme + `, error="invalid_token"`
}

// retryAfter is what the error says, and a second where it says nothing but
// trying again is what helps.
func retryAfter(status int, known *errs.Error) time.Duration {
	if known.RetryAfter == 0 && status == http.StatusServiceUnavailable {
		return time.Second
	}
	return known.RetryAfter
}

// inform gives what is known of an error. One without a kind is hidden.
func inform(err error) *errs.Error {
	var known *errs.Error
	if errors.As(err, &known) {
		return known
	}
	if errors.As(rpcerr.FromError(err, "gateway"), &known) {
		return known
	}
	return errs.New(errs.Internal, "INTERNAL", "something went wrong inside; look up the trace")
}

func httpStatus(known *errs.Error, ifMatch bool) int {
	if s, special := statusOfReason[known.Reason]; special {
		return s
	}
	if known.Kind == errs.Conflict && ifMatch {
		return http.StatusPreconditionFailed
	}
	if s, mapped := statusOf[known.Kind]; mapped {
		return s
	}
	return http.StatusInternalServerError
}
