package scripts

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// gateway answers with the files of a script, and notes what it was asked.
type gateway struct {
	*httptest.Server
	dir string

	mu     sync.Mutex
	counts map[string]int
	asked  chan struct{} // closed and renewed with every request
}

func startGateway(dir string) *gateway {
	g := &gateway{dir: dir, counts: map[string]int{}, asked: make(chan struct{})}
	g.Server = httptest.NewServer(g)
	return g
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	defer g.mu.Unlock()
	key := r.Method + " " + r.URL.Path
	g.counts[key]++
	g.note(r, body)
	close(g.asked)
	g.asked = make(chan struct{})
	status, text := g.answer(key, g.counts[key])
	w.Header().Set("Date", "Sun, 01 Mar 2026 09:10:00 GMT")
	w.Header().Set("X-Trace-Id", "4bf92f3577b34da6a3ce929d0e0e4736")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(strings.ReplaceAll(text, "GATEWAY", g.URL)))
}

// note appends a request to the file of requests.
func (g *gateway) note(r *http.Request, body []byte) {
	file, err := os.OpenFile(filepath.Join(g.dir, "requests"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	target := r.URL.Path
	if r.URL.RawQuery != "" {
		query := r.URL.Query()
		target += "?" + query.Encode()
	}
	var compact any // protojson varies its spaces on purpose
	if json.Unmarshal(body, &compact) == nil {
		body, _ = json.Marshal(compact)
	}
	fmt.Fprintln(file, strings.TrimSpace(r.Method+" "+target+" "+string(body)))
}

func (g *gateway) answer(key string, n int) (int, string) {
	method, path, _ := strings.Cut(key, " ")
	base := filepath.Join(g.dir, "gateway", method, filepath.FromSlash(path))
	for ; n > 0; n-- {
		if text, err := os.ReadFile(fmt.Sprintf("%s.%d.json", base, n)); err == nil {
			return http.StatusOK, string(text)
		}
	}
	if text, err := os.ReadFile(base + ".problem.json"); err == nil {
		var problem struct{ Status int }
		if json.Unmarshal(text, &problem) != nil || problem.Status == 0 {
			return http.StatusTeapot, "a problem without a status"
		}
		return problem.Status, string(text)
	}
	for _, end := range []string{".json", ".csv", ".ndjson"} {
		if text, err := os.ReadFile(base + end); err == nil {
			return http.StatusOK, string(text)
		}
	}
	return http.StatusNotFound, `{"title":"Not Found","status":404,"detail":"there is no ` + strings.TrimPrefix(path, "/v1/") + `","reason":"NOT_FOUND"}`
}
