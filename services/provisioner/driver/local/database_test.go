package local_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// database is a stamp with a PostgreSQL, whose superuser's password is "secret".
type database struct {
	*tenant
	bind driver.Bind
}

// newDatabase prepares one, and does not start it.
func newDatabase(t *testing.T, d *local.Driver, name string) database {
	t.Helper()
	ref := driver.Ref{Tenant: name, UID: fmt.Sprint("pg-", name, "-", time.Now().UnixNano()), Token: 1}
	site, err := d.Reserve(t.Context(), ref, driver.SiteRequest{
		Ports: map[string]int{"db.sql": 5432}, Components: map[string][]string{"db": {"data"}, "app": {"data"}},
		Artifacts: map[string]driver.Artifact{"postgres": {Host: "postgres", Version: ">=13"}, "python": {Host: "python3", Version: ">=3"}},
	})
	if err != nil {
		t.Skipf("needs PostgreSQL's server: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Destroy(context.Background(), ref); err != nil {
			t.Error(err)
		}
	})
	bind := site.Binds["db.sql"]
	m := driver.Manifest{Tenant: ref.Tenant, UID: ref.UID, Site: site, Components: map[string]driver.Component{"db": {
		Artifact: "postgres", Volumes: []string{"data"}, Locks: []string{"data/pg/postmaster.pid"}, Files: map[string]string{"password": "secret"}, StopSignal: "SIGINT",
		Command: []string{"postgres", "-D", site.Volumes["db.data"] + "/pg", "-h", bind.Listen, "-p", fmt.Sprint(bind.Port), "-k", site.Tmp["db"]},
		Env:     map[string]string{"PGPASSWORD": "secret"},
	}, "app": {Artifact: "python", Volumes: []string{"data"}}}}
	n := database{&tenant{t: t, d: d, ref: ref, m: m}, bind}
	r := n.run("db.setup-1", "initdb", "-D", site.Volumes["db.data"]+"/pg", "-U", "postgres", "-A", "scram-sha-256", "--pwfile="+site.Files["db"]+"/password", "--no-sync")
	if r.ExitCode != 0 {
		t.Fatalf("initdb: %+v", r)
	}
	return n
}

// run runs a program of PostgreSQL in the stamp.
func (n database) run(id string, command ...string) driver.JobResult {
	n.t.Helper()
	r, err := n.d.RunJob(n.t.Context(), n.ref, n.m, driver.Job{ID: id, Component: "db", Command: command, Unrecorded: id != "db.setup-1", Timeout: 20 * time.Second})
	if err != nil {
		n.t.Fatal(err)
	}
	return r
}

func (n database) start() {
	n.t.Helper()
	if err := n.d.Ensure(n.t.Context(), n.ref, n.m, "db"); err != nil {
		n.t.Fatal(err)
	}
	waitFor(n.t, n.ready)
}

func (n database) ready() error {
	if r := n.run("ready", "pg_isready", "-h", n.bind.Host, "-p", fmt.Sprint(n.bind.Port)); r.ExitCode != 0 {
		return fmt.Errorf("%+v", r)
	}
	return nil
}

// login asks a database as its superuser, whose password this stamp knows: all
// have the same.
func (n database) login(at driver.Bind) (bool, string) {
	n.t.Helper()
	r := n.run("login", "psql", fmt.Sprintf("host=%s port=%d user=postgres dbname=postgres connect_timeout=5", at.Host, at.Port), "-Atc", "select 42")
	out := strings.Join(r.Output, "\n")
	return r.ExitCode == 0 && out == "42", out
}

func TestInitdb(t *testing.T) {
	d := open(t, config(t))
	needRoot(t, d)
	n := newDatabase(t, d, "postgres")
	// What a PostgreSQL leaves that is killed as it starts.
	if err := os.WriteFile(filepath.Join(layout.Stamp(n.m.Site.Dir).Component("db").Volume("data"), "pg", "postmaster.pid"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n.start()
	before, err := d.Observe(t.Context(), n.ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(before.Components["db"].PIDs[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	waitFor(t, func() error {
		o, err := d.Observe(t.Context(), n.ref)
		if err != nil || o.Components["db"].Restarts == 0 {
			return fmt.Errorf("not restarted: %+v, %w", o, err)
		}
		return n.ready()
	})
	t.Logf("PostgreSQL was ready %v after kill -9", time.Since(began))
	if ok, out := n.login(n.bind); !ok {
		t.Errorf("query: %s", out)
	}
}

// harvest listens as a database would and says what clients send first.
const harvest = `
import socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], int(sys.argv[2]))); s.listen()
print("listening", flush=True)
while True:
    c, _ = s.accept()
    print("harvested", c.recv(100).hex(), flush=True)
    c.close()
`

// TestDatabaseIsOutOfReach: who knows the password of another's database cannot
// log in, and while it is down cannot have the passwords of others in its place.
func TestDatabaseIsOutOfReach(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	needRoot(t, d)
	a, b := newDatabase(t, d, "aaa"), newDatabase(t, d, "bbb")
	if a.m.Site.Isolation["network"] == "NONE" {
		t.Skip("needs nftables")
	}
	b.start()
	if ok, out := b.login(b.bind); !ok {
		t.Errorf("b cannot log in to its own: %s", out)
	}
	if ok, out := a.login(b.bind); ok || !strings.Contains(out, "refused") {
		t.Errorf("a, with b's password: logged in %t: %s", ok, out)
	}
	if err := d.Stop(t.Context(), b.ref, "db"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		client database
		at     driver.Bind
		want   bool
	}{{"in its own place", a, a.bind, true}, {"in b's place", b, b.bind, false}} {
		a.ensure("python3", "-c", harvest, c.at.Listen, fmt.Sprint(c.at.Port))
		waitLog(t, a.tenant, "listening")
		_, out := c.client.login(c.at)
		text, err := os.ReadFile(filepath.Join(a.m.Site.Dir, "components", "app", "log", "current.log"))
		if err != nil || strings.Contains(string(text), "harvested") != c.want {
			t.Errorf("%s a was sent %q, %v; psql said %s", c.name, text, err, out)
		}
	}
}
