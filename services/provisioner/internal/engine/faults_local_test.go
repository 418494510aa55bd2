package engine_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/drivertest"
	"stampworks.dev/services/provisioner/driver/local"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/driver/memory"
)

// Faults of processes, ports and disks, in a cell on this machine.

// listens is a program that serves where it is told to.
const listens = `python3 -c "import socket, time; s = socket.socket(); s.bind(('${site.http.bind}', int('${site.http.port}'))); s.listen(); time.sleep(3600)"`

// says gives a command that prints a line and ends.
func says(line string, code int) string {
	return fmt.Sprintf(`python3 -c "print('%s', flush=True); raise SystemExit(%d)"`, line, code)
}

// product is one in which one thing may be wrong; what is empty is sound.
type product struct {
	artifact, run, setup, migrate, ready, smoke string
	// root is where its artifact may be.
	root string
}

func (p product) text() string {
	return fmt.Sprintf(`
blueprint: real
revision: 1.0.0
artifacts:
  program: %s
plans:
  standard: {resources: {default: {cpu: 100m, memory: 128Mi, volumes: {data: 1Mi}}}}
components:
  site:
    artifact: program
    volumes: [data]
    ports: {http: 8000}
    setup: %s
    migrate: %s
    run: %s
    ready: %s
endpoint: site.http
smoke:
  - %s
`, cmp.Or(p.artifact, "{host: python3}"), cmp.Or(p.setup, says("set up", 0)), cmp.Or(p.migrate, says("migrated", 0)), cmp.Or(p.run, listens),
		cmp.Or(p.ready, "{http: http, timeout: 10s}"), cmp.Or(p.smoke, "{http: /}"))
}

// supervisorProgram is built once for all tests of the package, and stamp-host
// beside it.
var supervisorProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "stampworks-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "stamp-supervisor")
	out, err := exec.Command("go", "build", "-o", dir, "stampworks.dev/services/provisioner/cmd/stamp-supervisor", "stampworks.dev/services/provisioner/cmd/stamp-host").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	supervisorDir = dir
	return path, nil
})

// supervisorDir is removed when all tests have ended.
var supervisorDir string

// machine is a cell of real processes, with one customer who is wished for.
type machine struct {
	*world
	cell       *local.Driver
	dir        string // its data
	supervisor string // a link to the program
	replica    *replica
}

// ofReal opens a cell in a directory, or in one of its own, for a customer of a
// product. Nothing works at it yet.
func ofReal(t *testing.T, p product, dir string) *machine {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skipf("no python3 on this machine: %v", err)
	}
	program, err := supervisorProgram()
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{world: newWorld(t, memory.Config{}), dir: dir, supervisor: filepath.Join(t.TempDir(), "stamp-supervisor")}
	if m.dir == "" {
		m.dir = t.TempDir()
	}
	for _, name := range []string{"stamp-supervisor", "stamp-host"} {
		if err := os.Symlink(filepath.Join(filepath.Dir(program), name), filepath.Join(filepath.Dir(m.supervisor), name)); err != nil {
			t.Fatal(err)
		}
	}
	c := local.Default()
	c.DataDir, c.HostDir, c.Supervisor, c.Unisolated = m.dir, filepath.Join(filepath.Dir(program), "host"), m.supervisor, true
	c.PortRange = host.Range{First: 24000 + os.Getpid()%40*100, Last: 24099 + os.Getpid()%40*100}
	c.AddressPool, c.Programs, c.ArtifactRoots = fmt.Sprintf("127.%d.0.0/16", 64+os.Getpid()%64), []string{}, []string{cmp.Or(p.root, m.dir)}
	if m.cell, err = local.New(c, local.Deps{Log: testkit.Logger(t)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		last := driver.Ref{Tenant: "acme", UID: "uid-acme", Token: 1 << 60}
		if err := m.cell.Destroy(context.Background(), last); err != nil {
			t.Error(err)
		}
	})
	m.rev1 = m.registry.Publish(t, p.text())
	return m
}

// work lets a replica work in the cell.
func (m *machine) work() *machine {
	m.t.Helper()
	m.replica = m.start(options{cell: map[string]driver.Driver{"one": m.cell}})
	return m
}

// begin wishes for the customer, and lets a replica work, if none does.
func (m *machine) begin() victim {
	m.t.Helper()
	if m.replica == nil {
		m.work()
	}
	m.place(m.create("acme"), "one")
	return victim{world: m.world, operation: "acme.1"}
}

// pause makes the customer, suspends it, and lets something happen; resuming it
// is what fails.
func (m *machine) pause(meanwhile func()) victim {
	m.t.Helper()
	m.begin()
	m.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	m.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = true })
	m.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	meanwhile()
	m.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = false })
	return victim{world: m.world, operation: "acme.3"}
}

func programNotOnHost(t *testing.T) victim {
	t.Helper()
	return ofReal(t, product{artifact: "{host: no-such-program}"}, "").begin()
}

func programNotInArtifact(t *testing.T) victim {
	t.Helper()
	return ofReal(t, product{run: "nosuch --listen ${site.http.bind}"}, "").begin()
}

// programNotExecutable wants an interpreter that the machine does not have.
func programNotExecutable(t *testing.T) victim {
	t.Helper()
	text, root := "#!/no/such/interpreter\n", t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "program"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	p := product{artifact: fmt.Sprintf("{file: %s/program, sha256: %x}", root, sha256.Sum256([]byte(text))), setup: "program", root: root}
	return ofReal(t, p, "").begin()
}

func artifactNotThere(t *testing.T) victim {
	t.Helper()
	root := t.TempDir()
	return ofReal(t, product{artifact: fmt.Sprintf("{file: %s/desk, sha256: %x}", root, sha256.Sum256(nil)), root: root}, "").begin()
}

func portTaken(t *testing.T) victim {
	t.Helper()
	var other net.Listener
	m := ofReal(t, product{}, "")
	v := m.pause(func() {
		var err error
		if other, err = net.Listen("tcp", strings.TrimPrefix(m.world.stamp("acme").GetUrl(), "http://")); err != nil {
			t.Fatal(err)
		}
		m.replica.prober.set("*", "connection refused")
	})
	v.cure = func() {
		_ = other.Close() // a second time at the end
		m.replica.prober.set("", "")
	}
	t.Cleanup(v.cure)
	return v
}

func exitsAtOnce(t *testing.T) victim {
	t.Helper()
	m := ofReal(t, product{run: says("no licence", 7)}, "").work()
	m.replica.prober.set("*", "connection refused")
	return m.begin()
}

func neverReady(t *testing.T) victim {
	t.Helper()
	return ofReal(t, product{ready: fmt.Sprintf("{exec: %q, timeout: 1s}", says("still warming up", 1))}, "").begin()
}

func setupFails(t *testing.T) victim {
	t.Helper()
	return ofReal(t, product{setup: says("no room at the inn", 3)}, "").begin()
}

func setupHangs(t *testing.T) victim {
	t.Helper()
	return ofReal(t, product{setup: `{exec: "python3 -c \"import time; print('thinking', flush=True); time.sleep(3600)\"", timeout: 1s}`}, "").begin()
}

func migrationFails(t *testing.T) victim {
	t.Helper()
	return ofReal(t, product{migrate: says("relation exists already", 4)}, "").begin()
}

func smokeFails(t *testing.T) victim {
	t.Helper()
	return ofReal(t, product{smoke: fmt.Sprintf("{component: site, exec: %q, timeout: 200ms}", says("not today", 1))}, "").begin()
}

// diskFull fills a small disk for real, while the customer is suspended.
func diskFull(t *testing.T) victim {
	t.Helper()
	dir, fill := drivertest.SmallDisk(t)
	var free func()
	v := ofReal(t, product{}, dir).pause(func() { free = fill() })
	v.cure = func() { free() }
	return v
}

func supervisorGone(t *testing.T) victim {
	t.Helper()
	m := ofReal(t, product{}, "")
	elsewhere := m.supervisor + ".away"
	if err := os.Rename(m.supervisor, elsewhere); err != nil {
		t.Fatal(err)
	}
	v := m.begin()
	v.cure = func() {
		if err := os.Rename(elsewhere, m.supervisor); err != nil {
			t.Error(err)
		}
	}
	return v
}

// destroyStuck puts something into a volume that cannot be removed. Once it can,
// purging again takes up where it stopped.
func destroyStuck(t *testing.T) victim {
	t.Helper()
	m := ofReal(t, product{}, "")
	m.begin()
	m.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	release := drivertest.Busy(t, filepath.Join(m.dir, "stamps", "acme", "components", "site", "volumes", "data", "stuck"))
	purge := func(t *registryv1.Tenant) { t.DeleteTime, t.Purging = timestamppb.Now(), true }
	m.registry.Wish("acme", purge)
	return victim{world: m.world, operation: "acme.2", cure: func() {
		release()
		m.registry.Wish("acme", purge)
		m.until("acme", 3, typev1.OperationMetadata_SUCCEEDED)
	}}
}
