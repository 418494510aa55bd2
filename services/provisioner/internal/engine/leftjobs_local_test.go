package engine_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// ticketDesk keeps its tickets in a file of the volume. Its migration spoils them,
// says so in the file "at", and waits until somebody makes the file "key".
const ticketDesk = `#!%s
import os, shutil, sys, time
what, rest = sys.argv[1], sys.argv[2:]
if what == "serve":
    time.sleep(3600)
elif what == "init":
    open(rest[0] + "/tickets", "w").write("one open")
elif what == "copy":
    shutil.copy(rest[0] + "/tickets", rest[1] + "/tickets")
elif what == "migrate" and rest[0] == "1.1.0":
    open(rest[1] + "/tickets", "w").write("half-way")
    open(rest[1] + "/at.part", "w").write(str(os.getpid()))
    os.rename(rest[1] + "/at.part", rest[1] + "/at")
    while not os.path.exists(rest[1] + "/key"):
        time.sleep(0.01)
    open(rest[1] + "/tickets", "w").write("late")
`

const ticketBlueprint = `
blueprint: tickets
revision: %[1]s
artifacts:
  desk: {file: %[2]s, sha256: %[3]x}
plans:
  standard: {resources: {default: {cpu: 100m, memory: 128Mi, volumes: {data: 1Mi}}}}
components:
  site:
    artifact: desk
    volumes: [data]
    ports: {http: 8000}
    setup: desk init ${volumes.data}
    migrate: desk migrate %[1]s ${volumes.data}
    backup: desk copy ${volumes.data} ${backup}
    restore: {exec: "desk copy ${backup} ${volumes.data}", stopped: true}
    run: desk serve
endpoint: site.http
`

// ofTickets is a cell on this machine with a customer of the desk, who is served.
func ofTickets(t *testing.T) *machine {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skipf("no python3 on this machine: %v", err)
	}
	root := t.TempDir()
	text, file := fmt.Sprintf(ticketDesk, python), filepath.Join(root, "desk")
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	m := ofReal(t, product{root: root}, "")
	sum := sha256.Sum256([]byte(text))
	m.rev1 = m.registry.Publish(t, fmt.Sprintf(ticketBlueprint, "1.0.0", file, sum))
	m.rev2 = m.registry.Publish(t, fmt.Sprintf(ticketBlueprint, "1.1.0", file, sum))
	m.begin()
	m.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	return m
}

// file reads a file of the customer's volume; empty when it is not there.
func (m *machine) file(name string) string {
	text, _ := os.ReadFile(m.path(name))
	return string(text)
}

func (m *machine) path(name string) string {
	return filepath.Join(m.dir, "stamps", "acme", "components", "site", "volumes", "data", name)
}

// TestCancelDuringAMigrationOnThisMachine: the provisioner is gone, and the
// supervisor carries on with the migration. It has ended before the tickets are
// brought back, and never writes again.
func TestCancelDuringAMigrationOnThisMachine(t *testing.T) {
	t.Parallel()
	m := ofTickets(t)
	m.place(m.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint = m.rev2 }), "one")
	var pid int
	testkit.Eventually(t, soon, func() (err error) {
		pid, err = strconv.Atoi(m.file("at"))
		return err
	})
	m.stop(m.replica)
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the migration did not outlive the provisioner: %v", err)
	}
	m.cancel("acme.2")
	m.work()
	m.until("acme", 2, typev1.OperationMetadata_CANCELLED)
	if err := syscall.Kill(pid, 0); err == nil {
		t.Errorf("the migration, process %d, runs on", pid)
	}
	if err := os.WriteFile(m.path("key"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := m.file("tickets"); got != "one open" {
		t.Errorf("the tickets are %q", got)
	}
	if s := m.world.stamp("acme"); s.GetClosed() || s.GetRevision() != m.rev1 {
		t.Errorf("closed %v on %s", s.GetClosed(), s.GetRevision())
	}
}
