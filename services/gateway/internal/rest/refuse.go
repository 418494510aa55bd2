package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/gateway/internal/problem"
)

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
