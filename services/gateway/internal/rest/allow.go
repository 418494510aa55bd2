package rest

import (
	"context"
	"net/http"
	"path"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/gateway/internal/edge"
	"stampworks.dev/services/gateway/internal/problem"
)

type probeKey struct{}

// found is told that a route takes a request: it ends a probe of allowed, and
// tells what the request is traced as.
//
// No id holds a colon: what a route without a verb takes for one, in GET
// /v1/tenants/acme:suspend, is a verb that needs another method.
func found(mux func() *runtime.ServeMux) runtime.Middleware {
	return func(next runtime.HandlerFunc) runtime.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
			route, _ := runtime.HTTPPattern(r.Context())
			fits := route.Verb() != "" || !strings.Contains(path.Base(r.URL.Path), ":")
			if taken, probing := r.Context().Value(probeKey{}).(*bool); probing {
				*taken = fits
				return
			}
			if !fits {
				misfit(mux(), w, r)
				return
			}
			edge.Route(r.Context(), route.String())
			next(w, r, params)
		}
	}
}

// misfit answers 405 where another method would do, else 404.
func misfit(mux *runtime.ServeMux, w http.ResponseWriter, r *http.Request) {
	methods := allowed(mux, w, r)
	if methods == "" {
		problem.Write(w, r, errs.New(errs.NotFound, "PATH_NOT_FOUND", "nothing is at %s; the API is described at /docs", r.URL.Path))
		return
	}
	w.Header().Set("Allow", methods)
	problem.Write(w, r, errs.New(errs.Unimplemented, "METHOD_NOT_ALLOWED", "%s takes no %s, only %s", r.URL.Path, r.Method, methods))
}

func probing(r *http.Request) bool {
	_, is := r.Context().Value(probeKey{}).(*bool)
	return is
}

// allowed lists the methods that a path takes, for the header Allow (RFC 9110
// §15.5.6), by asking the routes themselves.
func allowed(mux *runtime.ServeMux, w http.ResponseWriter, r *http.Request) string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		taken := false
		probe := r.WithContext(context.WithValue(r.Context(), probeKey{}, &taken))
		probe.Method = method
		mux.ServeHTTP(w, probe)
		if taken {
			methods = append(methods, method)
		}
	}
	return strings.Join(methods, ", ")
}
