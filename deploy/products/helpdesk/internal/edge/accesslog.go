package edge

import (
	"log/slog"
	"net/http"
	"time"
)

// logged writes one line per request, except for probes that went well.
func logged(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		seen := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		if (r.URL.Path == "/readyz" || r.URL.Path == "/healthz") && seen.status == http.StatusOK {
			return
		}
		log.Info("access", "method", r.Method, "path", r.URL.Path, "status", seen.status, "bytes", seen.bytes,
			"ms", float64(time.Since(start).Microseconds())/1000, "from", r.RemoteAddr)
	})
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the real writer.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
