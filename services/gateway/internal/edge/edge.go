// Package edge holds what every request passes, whatever it asks for: a trace,
// a line in the log, a deadline for each write, and an answer even when a
// handler panics.
package edge

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/services/gateway/internal/problem"
)

// Deps is what the process gives.
type Deps struct {
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry
	// Patience is how long a caller may take to read a piece of an answer.
	Patience time.Duration
}

// Wrap puts the layers around a handler.
func Wrap(next http.Handler, deps Deps) http.Handler {
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := newAnswer(w, deps.Patience)
		begin := time.Now()
		defer func() { note(r, a, begin, deps.Log) }()
		defer recovered(r, a, deps.Log)
		a.Header().Set("X-Content-Type-Options", "nosniff")
		a.Header().Set("Referrer-Policy", "no-referrer")
		nameTrace(a, r)
		if r.Body == nil || r.Body == http.NoBody {
			// All has been read. What goes on reading, to notice a caller that goes
			// away, must not run into the server's deadline and end a stream.
			_ = a.control.SetReadDeadline(time.Time{})
		}
		next.ServeHTTP(a, r)
	})
	return traced(inner, deps.Telemetry)
}

// recovered answers in place of a handler that panicked. One that had begun to
// answer is cut off, so that nobody takes half an answer for a whole one.
func recovered(r *http.Request, a *answer, log *slog.Logger) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // the server compares it like this too
		panic(p)
	}
	log.ErrorContext(r.Context(), "handler panicked", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
	if a.status != 0 {
		panic(http.ErrAbortHandler)
	}
	problem.Write(a, r, errs.New(errs.Internal, "PANIC", "internal error: look up the trace"))
}

// note writes a line about a request: people look for those that were refused
// or went wrong. The query stays out of it, as some senders put secrets there.
func note(r *http.Request, a *answer, begin time.Time, log *slog.Logger) {
	level := slog.LevelDebug
	switch {
	case a.status >= http.StatusInternalServerError:
		level = slog.LevelWarn
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		level = slog.LevelInfo
	}
	log.Log(r.Context(), level, "answered http request", "method", r.Method, "path", r.URL.Path,
		"status", a.status, "bytes", a.bytes, "took", time.Since(begin), "from", r.RemoteAddr)
}
