package rest

import (
	"mime"
	"net/http"
	"strings"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/services/gateway/internal/auth"
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

// authenticate lets in who presents a known token, and acts on its behalf.
func authenticate(tokens *auth.Tokens) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			if !strings.EqualFold(scheme, "bearer") {
				token = ""
			}
			who, err := tokens.Authenticate(strings.TrimSpace(token))
			if err != nil {
				problem.Write(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(rpc.WithPrincipal(r.Context(), who)))
		})
	}
}

// capBody ends a body that is too large, before and while it is read.
func capBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > MaxBody {
			problem.Write(w, r, &http.MaxBytesError{Limit: MaxBody})
			return
		}
		body := &cappedBody{ReadCloser: http.MaxBytesReader(w, r.Body, MaxBody)}
		r.Body = body
		next.ServeHTTP(&cappedWriter{ResponseWriter: w, body: body, request: r}, r)
	})
}

// accept picks the first form that the caller takes and that there is.
func accept(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Accept", chosen(r.Header.Values("Accept")))
		r.Header.Set("Content-Type", encoding.JSON)
		next.ServeHTTP(w, r)
	})
}

func chosen(headers []string) string {
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		switch kind, _, _ := mime.ParseMediaType(part); kind {
		case encoding.JSON, encoding.NDJSON, encoding.SSE, encoding.CSV:
			return kind
		}
	}
	return encoding.JSON
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
