package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/gateway/internal/problem"
)

// refuseBytes refuses what no gRPC string may hold: sent on, it would look like a
// fault of our own.
func refuseBytes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := checkText(r); err != nil {
			problem.Write(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func checkText(r *http.Request) error {
	if !utf8.ValidString(r.URL.Path) {
		return errs.New(errs.InvalidArgument, "PATH_MALFORMED", "the path %q is not UTF-8", r.URL.Path)
	}
	for name, values := range r.URL.Query() {
		if !utf8.ValidString(name + "," + strings.Join(values, ",")) {
			return errs.New(errs.InvalidArgument, "PARAMETER_MALFORMED", "the query parameter %q is not UTF-8", name)
		}
	}
	if key := r.Header.Get("Idempotency-Key"); !utf8.ValidString(key) {
		return errs.New(errs.InvalidArgument, "HEADER_REFUSED", "the header Idempotency-Key is not UTF-8: %q", key)
	}
	return nil
}

func writeError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	problem.Write(w, r, explain(err))
}

// explain gives a reason to what is refused before any service is called:
// grpc-gateway says it as a bare status, or as an error of its own.
func explain(err error) error {
	if _, known := errs.As(err); known {
		return err
	}
	var path *runtime.HTTPStatusError
	if errors.As(err, &path) && path.HTTPStatus == http.StatusBadRequest {
		return errs.New(errs.InvalidArgument, "PATH_MALFORMED", "%w", path.Err)
	}
	s, ok := status.FromError(err)
	if !ok || s.Code() != codes.InvalidArgument {
		return err
	}
	// Package protojson sets "proto:" apart with either kind of space.
	if detail, isBody := strings.CutPrefix(s.Message(), "proto:"); isBody {
		return errs.New(errs.InvalidArgument, "BODY_MALFORMED", "the body does not fit: %s", strings.TrimLeft(detail, " \u00a0"))
	}
	return errs.New(errs.InvalidArgument, "PARAMETER_MALFORMED", "%s", s.Message())
}

// routingError answers what no route takes.
func routingError(_ context.Context, mux *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, code int) {
	if probing(r) {
		return
	}
	if code == http.StatusBadRequest {
		problem.Write(w, r, errs.New(errs.InvalidArgument, "PATH_MALFORMED", "%q is not a path of this API", r.URL.Path))
		return
	}
	misfit(mux, w, r)
}
