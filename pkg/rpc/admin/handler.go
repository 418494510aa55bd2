package admin

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// ReadyTimeout is how long the readiness check may take.
const ReadyTimeout = 3 * time.Second

func handler(deps Deps) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", deps.Telemetry.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, state{Status: "ok"})
	})
	mux.HandleFunc("GET /readyz", ready(deps.Ready))
	profiles := map[string]http.HandlerFunc{"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace}
	for name, h := range profiles {
		mux.Handle("/debug/pprof/"+name, localOnly(h))
	}
	return mux
}

// state is the answer of /healthz and /readyz.
type state struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

func ready(check func(context.Context) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if check == nil {
			answer(w, http.StatusOK, state{Status: "ready"})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), ReadyTimeout)
		defer cancel()
		if err := check(ctx); err != nil {
			answer(w, http.StatusServiceUnavailable, state{Status: "not ready", Reason: err.Error()})
			return
		}
		answer(w, http.StatusOK, state{Status: "ready"})
	}
}

func answer(w http.ResponseWriter, code int, s state) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(s) // the client went away: nothing to do
}

// localOnly refuses requests from other machines.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if local != nil && local.Network() == "unix" {
			next.ServeHTTP(w, r)
			return
		}
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			http.Error(w, "profiles are given to this machine only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
