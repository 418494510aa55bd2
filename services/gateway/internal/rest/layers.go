package rest

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/services/gateway/internal/auth"
	"stampworks.dev/services/gateway/internal/body"
	"stampworks.dev/services/gateway/internal/encoding"
	"stampworks.dev/services/gateway/internal/problem"
)

// refuseMetadata keeps callers from speaking to gRPC behind the API's back.
func refuseMetadata(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if strings.HasPrefix(name, "Grpc-") {
				problem.Write(w, r, errs.New(errs.InvalidArgument, "HEADER_REFUSED", "the header %s is not taken from outside", name))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// notCached keeps what is said of customers out of every cache.
func notCached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// authenticate lets in who presents a known token, and acts on its behalf. The
// token itself goes no further.
func authenticate(tokens *auth.Tokens) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			who, err := tokens.Authenticate(auth.Bearer(r))
			if err != nil {
				problem.Write(w, r, err)
				return
			}
			r = r.WithContext(rpc.WithPrincipal(r.Context(), who))
			r.Header.Del("Authorization")
			next.ServeHTTP(w, r)
		})
	}
}

// readBody takes the body in, so that its size, its end and its syntax are
// known before anybody is called.
func readBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := body.Read(w, r, MaxBody)
		if err == nil {
			err = encoding.Check(text)
		}
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		next.ServeHTTP(w, r)
	})
}

// accept picks the form that the caller likes best of those that there are.
// What is sent is taken for JSON, whatever it is said to be: a script's curl -d
// says that it sends a form.
func accept(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Accept", chosen(r.Header.Values("Accept")))
		r.Header.Set("Content-Type", encoding.JSON)
		next.ServeHTTP(w, r)
	})
}

// chosen is the first of the known forms with the greatest weight (RFC 9110
// §12.5.1), or JSON.
func chosen(headers []string) string {
	best, most := encoding.JSON, 0.0
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil || !slices.Contains(encoding.Forms, kind) {
			continue
		}
		weight := 1.0
		if q, given := params["q"]; given {
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		if weight > most {
			best, most = kind, weight
		}
	}
	return best
}

// resume takes a watch up where an event stream broke (WHATWG HTML §9.2).
func resume(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if last := r.Header.Get("Last-Event-ID"); last != "" && strings.HasSuffix(r.URL.Path, ":watch") && !query.Has("after_revision") {
			query.Set("after_revision", last)
			r.URL.RawQuery = query.Encode()
		}
		next.ServeHTTP(w, r)
	})
}
