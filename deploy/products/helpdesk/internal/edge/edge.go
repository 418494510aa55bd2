// Package edge is the desk's front door: the only component that strangers can
// reach. It passes requests on to the app, refuses what never concerns the
// public, and logs every access.
package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// maxBody of a request, in bytes; the app itself takes less.
const maxBody = 128 << 10

// New makes the edge in front of the app at upstream (host:port).
func New(upstream string, log *slog.Logger) (http.Handler, error) {
	target, err := url.Parse("http://" + strings.TrimPrefix(upstream, "http://"))
	if err != nil || target.Host == "" {
		return nil, fmt.Errorf("read --upstream %q: not host:port", upstream)
	}
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 32, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: 15 * time.Second,
	}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // the app compares it with Origin
			r.SetXForwarded()
		},
		ErrorHandler: refuse(log),
		ErrorLog:     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", ready(target, transport))
	mux.HandleFunc("/internal/", http.NotFound)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > maxBody {
			w.Header().Set("Connection", "close")
			http.Error(w, "the request is too large", http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		proxy.ServeHTTP(w, r)
	})
	return logged(mux, log), nil
}

func ready(target *url.URL, transport http.RoundTripper) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.JoinPath("readyz").String(), nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			http.Error(w, "the app does not answer", http.StatusServiceUnavailable)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, io.LimitReader(resp.Body, 4<<10)) // a caller that left needs no answer
	}
}

// refuse answers for the app when it does not.
func refuse(log *slog.Logger) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			http.Error(w, "the request is too large", http.StatusRequestEntityTooLarge)
			return
		}
		if r.Context().Err() == nil {
			log.Warn("app does not answer", "error", err)
		}
		w.Header().Set("Retry-After", "1")
		http.Error(w, "The desk is starting or being repaired. Please try again in a moment.", http.StatusBadGateway)
	}
}
