package main_test

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"stampworks.dev/deploy/products/helpdesk/internal/pgtest"
)

func TestProductOnSQLite(t *testing.T) {
	for _, rev := range []string{"1.0.0", "1.1.0"} {
		t.Run(rev, func(t *testing.T) {
			wholeProduct(t, newProduct(t, rev, "sqlite:"+filepath.Join(t.TempDir(), "desk.db")), "SQLite")
		})
	}
}

func TestProductOnPostgreSQL(t *testing.T) {
	admin := pgtest.Start(t)
	for rev, name := range map[string]string{"1.0.0": "desk10", "1.1.0": "desk11"} {
		t.Run(rev, func(t *testing.T) {
			p := newProduct(t, rev, pgURL(t, admin, name))
			p.env = append(p.env, "DATABASE_ADMIN_URL="+admin)
			wholeProduct(t, p, "PostgreSQL")
		})
	}
}

func pgURL(t *testing.T, admin, name string) string {
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	u.User, u.Path = url.UserPassword(name, "pw-of-"+name), "/"+name
	return u.String()
}

// wholeProduct is a customer's day: start in a bad order, work, restart.
func wholeProduct(t *testing.T, p *product, database string) {
	if out, err := p.run("worker", "--check"); err == nil {
		t.Fatalf("a worker is alive before anything runs: %s", out)
	}
	stopApp := p.startApp()
	p.startEdge()
	p.eventually(func() error {
		if code, _ := p.call(http.MethodGet, "/healthz", "", ""); code != 200 {
			return errors.New("edge not up")
		}
		return nil
	})
	if code, _ := p.call(http.MethodGet, "/readyz", "", ""); code == http.StatusOK {
		t.Fatal("ready before its migration")
	}
	for range 2 {
		p.must("migrate", "--admin", "dana@acme.example")
	}
	p.waitReady()
	if code, body := p.post("/api/tickets", `{"title":"queue away"}`); code != http.StatusCreated {
		t.Fatalf("create without a queue: %d %s", code, body)
	}
	stopQueue := p.startQueue()
	p.start("worker")
	p.notified("/api/tickets/1", 1)
	p.eventually(func() error { _, err := p.run("worker", "--check"); return err })
	if out := p.must("smoke"); !strings.HasPrefix(out, "smoke: ok") || strings.Count(out, "\n") != 1 {
		t.Fatalf("smoke said %q", out)
	}
	p.lookAtPage(database)
	stopQueue()
	if code, body := p.post("/api/tickets/1:close", ""); code != http.StatusOK {
		t.Fatalf("close without a queue: %d %s", code, body)
	}
	p.startQueue()
	p.notified("/api/tickets/1", 2)
	stopApp()
	if code, _ := p.call(http.MethodGet, "/", "", ""); code != http.StatusBadGateway {
		t.Fatalf("edge without its app: %d", code)
	}
	p.startApp()
	p.waitReady()
	var list struct {
		Tickets []struct{ ID int64 }
	}
	if p.get("/api/tickets", &list); len(list.Tickets) != 1 || list.Tickets[0].ID != 1 {
		t.Fatalf("after a restart: %+v", list)
	}
	p.refusals()
	p.adminDeletes()
}

func (p *product) notified(path string, want int) {
	p.t.Helper()
	p.eventually(func() error {
		var d struct {
			Notifications []struct{ Recipient, Body string }
		}
		if p.get(path, &d); len(d.Notifications) != want {
			return errors.New("not notified yet")
		}
		if n := d.Notifications[0]; n.Recipient != "dana@acme.example" || !strings.Contains(n.Body, p.url+"/tickets/1") {
			p.t.Fatalf("notification %+v", n)
		}
		return nil
	})
}

func (p *product) lookAtPage(database string) {
	p.t.Helper()
	_, page := p.call(http.MethodGet, "/", "", "")
	for _, want := range []string{
		"Acme &lt;Rockets&gt; &amp; Söhne", "private copy · revision " + p.rev + " · its own " + database, "25 seats", "--hue:", "queue away",
	} {
		if !strings.Contains(page, want) {
			p.t.Errorf("page lacks %q", want)
		}
	}
	if has := strings.Contains(page, "riority"); has != (p.rev == "1.1.0") {
		p.t.Errorf("revision %s: priority on the page: %v", p.rev, has)
	}
}

// refusals: what must be answered clearly and change nothing.
func (p *product) refusals() {
	p.t.Helper()
	big := `{"title":"` + strings.Repeat("x", 10<<20) + `"}`
	for name, c := range map[string]struct {
		method, path, kind, body string
		want                     int
	}{
		"10 MB body":       {"POST", "/api/tickets", "application/json", big, 413},
		"100 KB body":      {"POST", "/api/tickets", "application/json", big[:100<<10], 413},
		"10 MB form":       {"POST", "/tickets", "application/x-www-form-urlencoded", "title=" + big, 413},
		"no JSON":          {"POST", "/api/tickets", "application/json", `{"title":`, 400},
		"two values":       {"POST", "/api/tickets", "application/json", `{"title":"a"}{}`, 400},
		"unknown field":    {"POST", "/api/tickets", "application/json", `{"titel":"a"}`, 400},
		"media type":       {"POST", "/api/tickets", "text/plain", `{"title":"a"}`, 415},
		"no title":         {"POST", "/api/tickets", "application/json", `{"title":"  "}`, 400},
		"NUL in title":     {"POST", "/api/tickets", "application/json", `{"title":"a\u0000b"}`, 400},
		"line in title":    {"POST", "/api/tickets", "application/json", `{"title":"a\nb"}`, 400},
		"long title":       {"POST", "/api/tickets", "application/json", `{"title":"` + strings.Repeat("ü", 201) + `"}`, 400},
		"form, no title":   {"POST", "/tickets", "application/x-www-form-urlencoded", "title=", 400},
		"absent ticket":    {"GET", "/api/tickets/999", "", "", 404},
		"no number":        {"GET", "/tickets/x", "", "", 404},
		"unknown verb":     {"POST", "/api/tickets/1:burn", "", "", 404},
		"wrong method":     {"PUT", "/api/tickets/1", "", "", 405},
		"answer closed":    {"POST", "/api/tickets/1/comments", "application/json", `{"body":"late"}`, 409},
		"delete":           {"DELETE", "/api/tickets/1", "", "", 401},
		"worker's side":    {"GET", "/internal/heartbeats", "", "", 404},
		"worker's side, 2": {"GET", "/%69nternal/heartbeats", "", "", 404},
	} {
		if code, body := p.call(c.method, c.path, c.kind, c.body); code != c.want {
			p.t.Errorf("%s: %d, want %d: %.200s", name, code, c.want, body)
		}
	}
	if resp, err := http.Get(p.directURL + "/internal/heartbeats"); err != nil || resp.StatusCode != http.StatusUnauthorized {
		p.t.Errorf("worker's side without token: %v %v", resp, err)
	}
	var list struct{ Tickets []any }
	if p.get("/api/tickets", &list); len(list.Tickets) != 1 {
		p.t.Errorf("a refused request left something: %v", list.Tickets)
	}
}

func (p *product) adminDeletes() {
	p.t.Helper()
	out := strings.Fields(p.must("admin", "reset"))
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodDelete, p.url+"/api/tickets/1", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.SetBasicAuth("dana@acme.example", out[len(out)-1])
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusNoContent {
		p.t.Fatalf("admin deletes: %v %v", resp, err)
	}
}

func TestPageEscapesAndForms(t *testing.T) {
	p := newProduct(t, "1.1.0", "sqlite:"+filepath.Join(t.TempDir(), "desk.db"))
	p.must("migrate")
	p.startApp()
	p.startEdge()
	p.waitReady()
	evil := `"><script>alert(1)</script><img src=x onerror=alert(2)>`
	form := url.Values{"title": {evil}, "body": {evil}, "requester": {evil}, "priority": {"urgent"}}
	code, page := p.call(http.MethodPost, "/tickets", "application/x-www-form-urlencoded", form.Encode())
	if code != http.StatusOK || !strings.Contains(page, "&lt;script&gt;") || !strings.Contains(page, `badge urgent`) {
		t.Fatalf("ticket page: %d %s", code, page)
	}
	p.call(http.MethodPost, "/tickets/1/comments", "application/x-www-form-urlencoded", url.Values{"author": {evil}, "body": {evil}}.Encode())
	for _, path := range []string{"/", "/tickets/1"} {
		if _, page := p.call(http.MethodGet, path, "", ""); strings.Contains(page, "<script") || strings.Contains(page, "<img") || !strings.Contains(page, "&lt;script&gt;") {
			t.Errorf("%s does not escape: %s", path, page)
		}
	}
	if _, page := p.call(http.MethodPost, "/tickets/1/close", "", ""); !strings.Contains(page, "badge closed") {
		t.Errorf("not closed: %s", page)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/tickets", strings.NewReader("title=forged"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", "https://evil.example")
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("another site's form: %v %v", resp, err)
	}
}

func TestUpgrade(t *testing.T) {
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		t.Run(database, func(t *testing.T) {
			dsn := "sqlite:" + filepath.Join(t.TempDir(), "desk.db")
			var extra []string
			if database == "PostgreSQL" {
				admin := pgtest.Start(t)
				dsn, extra = pgURL(t, admin, "helpdesk"), []string{"DATABASE_ADMIN_URL=" + admin}
			}
			upgrade(t, dsn, extra)
		})
	}
}

func upgrade(t *testing.T, dsn string, extra []string) {
	p := newProduct(t, "1.0.0", dsn)
	p.env = append(p.env, extra...)
	p.must("migrate", "--admin", "dana@acme.example")
	p.startEdge()
	stop := p.startApp()
	p.waitReady()
	if code, body := p.post("/api/tickets", `{"title":"old","priority":"high"}`); code != http.StatusBadRequest {
		t.Fatalf("1.0.0 knows priority: %d %s", code, body)
	}
	if code, body := p.post("/api/tickets", `{"title":"old"}`); code != http.StatusCreated || strings.Contains(body, "priority") {
		t.Fatalf("1.0.0: %d %s", code, body)
	}
	stop()
	p.rev = "1.1.0"
	stop = p.startApp()
	p.eventually(func() error {
		if code, body := p.call(http.MethodGet, "/readyz", "", ""); code != http.StatusServiceUnavailable || !strings.Contains(body, "not migrated") {
			return errors.New("1.1.0 on the schema of 1.0.0 must not be ready: " + body)
		}
		return nil
	})
	p.must("migrate", "--admin", "dana@acme.example")
	p.waitReady()
	if code, body := p.post("/api/tickets", `{"title":"new","priority":"high"}`); code != http.StatusCreated || !strings.Contains(body, `"priority":"high"`) {
		t.Fatalf("1.1.0: %d %s", code, body)
	}
	if code, _ := p.post("/api/tickets", `{"title":"new","priority":"' OR 1"}`); code != http.StatusBadRequest {
		t.Fatalf("an unknown priority is accepted: %d", code)
	}
	var old struct{ Title, Priority string }
	if p.get("/api/tickets/1", &old); old.Title != "old" || old.Priority != "normal" {
		t.Fatalf("the old ticket is %+v", old)
	}
	stop()
	p.rev = "1.0.0" // a failed upgrade brings the old revision back to the newer schema
	p.startApp()
	p.waitReady()
	p.must("smoke")
}

func TestRevisionsDiffer(t *testing.T) {
	for rev, file := range binaries {
		p := newProduct(t, rev, "")
		if out := p.must("version"); !strings.Contains(out, rev) {
			t.Errorf("%s calls itself %s", file, out)
		}
	}
	old, err := os.ReadFile(binaries["1.0.0"])
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(old), "priority IN (") {
		t.Error("1.0.0 contains the migration of 1.1.0")
	}
}

func TestQueueRefusesStrangers(t *testing.T) {
	p := newProduct(t, "1.0.0", "")
	p.startQueue()
	join := func(token string) error {
		conn, err := nats.Connect("nats://" + token + "@" + p.queue)
		if err == nil {
			conn.Close()
		}
		return err
	}
	p.eventually(func() error { return join("queue-secret") })
	for _, token := range []string{"wrong", "queue-secret2"} {
		if err := join(token); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("token %q: %v", token, err)
		}
	}
	if out, err := p.run("queue", "--listen", freeAddr(t), "--store", ""); err == nil {
		t.Fatalf("a queue without a store started: %s", out)
	}
}
