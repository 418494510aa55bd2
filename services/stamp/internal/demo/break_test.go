package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stampworks.dev/services/stamp/internal/client"
)

// patient is a tenant whose component is a process of the test. Health says
// what red and healed say of how often the process was there to be killed.
type patient struct {
	starts      atomic.Int64
	red, healed func(starts int64) bool
}

func (p *patient) serve(t *testing.T) *client.Client {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/tenants/acme/stamp", func(w http.ResponseWriter, _ *http.Request) {
		sleep := exec.CommandContext(t.Context(), "sleep", "60")
		if err := sleep.Start(); err != nil {
			t.Error(err)
			return
		}
		go func() { _ = sleep.Wait() }()
		p.starts.Add(1)
		_, _ = fmt.Fprintf(w, `{"components":[{"name":"db","pids":[%d]},{"name":"app"}]}`, sleep.Process.Pid)
	})
	mux.HandleFunc("GET /v1/tenants/acme/health", func(w http.ResponseWriter, _ *http.Request) {
		state := "HEALTHY"
		if n := p.starts.Load(); p.red(n) && !p.healed(n) {
			state = "UNHEALTHY"
		}
		_, _ = fmt.Fprintf(w, `{"state":%q,"summary":"acme is %s"}`, state, state)
	})
	mux.HandleFunc("GET /v1/tenants/acme/stamp:logs", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"result":{"component":%q,"line":"bogus data in lock file"}}`, r.FormValue("component"))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return client.New(client.Config{Address: server.URL})
}

func broken(t *testing.T, p *patient) (string, error) {
	var out strings.Builder
	b := &breaking{
		api: p.serve(t), tenant: "acme", component: "db", out: &out, kills: 3, red: 300 * time.Millisecond, heal: 100 * time.Millisecond,
	}
	err := b.run(t.Context())
	return out.String(), err
}

// What does not heal is explained by what it logged.
func TestBreakTellsWhyItDoesNotHeal(t *testing.T) {
	out, err := broken(t, &patient{red: func(n int64) bool { return n > 2 }, healed: func(int64) bool { return false }})
	if err == nil || !strings.Contains(err.Error(), "it has healed: acme is UNHEALTHY") {
		t.Errorf("error %v", err)
	}
	if !strings.HasSuffix(out, "logged:\n         bogus data in lock file\n") {
		t.Errorf("it says\n%s", out)
	}
}

// A customer is not kept down for ever by a demonstration.
func TestBreakStopsKilling(t *testing.T) {
	p := &patient{red: func(int64) bool { return false }, healed: func(int64) bool { return false }}
	if _, err := broken(t, p); err == nil || !strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
		t.Errorf("error %v", err)
	}
	if n := p.starts.Load(); n != 1+3 { // one to name it, three kills
		t.Errorf("looked for a process %d times", n)
	}
}

// What does not run must not pass for killed.
func TestVictimsAreOfEachComponent(t *testing.T) {
	never := func(int64) bool { return false }
	api := (&patient{red: never, healed: never}).serve(t)
	if pids, err := victims(t.Context(), api, "acme", "db"); err != nil || len(pids) != 1 {
		t.Errorf("of db: %v, %v", pids, err)
	}
	for _, missing := range []string{"app", "nothing"} {
		if pids, err := victims(t.Context(), api, "acme", "db", missing); err == nil || !strings.Contains(err.Error(), "no process of "+missing) {
			t.Errorf("of db and %s: %v, %v", missing, pids, err)
		}
	}
}
