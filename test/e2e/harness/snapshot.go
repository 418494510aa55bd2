package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The modules of etcd's tools. The tool lines in go.mod pin them.
const (
	etcdctlModule = "go.etcd.io/etcd/etcdctl/v3"
	etcdutlModule = "go.etcd.io/etcd/etcdutl/v3"
)

// bump is what docs/operating.md says: more revisions than were made since any
// snapshot.
const bump = "1000000000"

// Save takes a snapshot of a server that runs, as docs/operating.md says.
func (e *Etcd) Save(file string) {
	e.t.Helper()
	runTool(e.t, etcdctlModule, "--endpoints=http://"+e.Endpoint, "snapshot", "save", file)
}

// Restore puts a snapshot in the place of all that the server ever kept. It must
// not run.
func (e *Etcd) Restore(file string) {
	e.t.Helper()
	e.Lose()
	runTool(e.t, etcdutlModule, "snapshot", "restore", file, "--data-dir="+e.data, "--bump-revision="+bump, "--mark-compacted",
		"--name=e2e", "--initial-cluster=e2e=http://"+e.peer, "--initial-advertise-peer-urls=http://"+e.peer)
}

func runTool(t testing.TB, module string, args ...string) {
	t.Helper()
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	path := filepath.Join(dir, "stampworks-e2e", filepath.Base(filepath.Dir(module)))
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, module).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", module, err, out)
	}
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(path), args, err, out)
	}
}
