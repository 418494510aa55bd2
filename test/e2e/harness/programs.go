package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Root is the repository's folder, seen from the packages of tests.
const Root = "../.."

// etcdModule is the server's main package. The tool line in go.mod pins it.
const etcdModule = "go.etcd.io/etcd/server/v3"

// program gives the path of one of our binaries, built by make build.
func program(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("STAMPWORKS_BIN")
	if dir == "" {
		t.Fatal("STAMPWORKS_BIN is not set: run make e2e, or make build and set it to the folder bin")
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err == nil {
		_, err = os.Stat(path) //nolint:gosec // our own programs
	}
	if err != nil {
		t.Fatalf("find program %s: %v; run make build", name, err)
	}
	return path
}

// CopyProgram puts one of our binaries where others may run it.
func CopyProgram(t testing.TB, name, to string) {
	t.Helper()
	text, err := os.ReadFile(program(t, name))
	if err == nil {
		err = os.WriteFile(to, text, 0o755) //nolint:gosec // our own programs
	}
	if err != nil {
		t.Fatalf("copy program %s: %v", name, err)
	}
}

// etcdProgram builds the real etcd server, once for all tests. E2E_ETCD names
// one that is there already.
func etcdProgram(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("E2E_ETCD"); path != "" {
		return path
	}
	path, err := buildEtcd()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildEtcd = sync.OnceValues(func() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	// The same place every time: linking it again takes longer than a test.
	path := filepath.Join(dir, "stampworks-e2e", "etcd")
	cmd := exec.Command("go", "build", "-o", path, etcdModule)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", etcdModule, err, out)
	}
	return path, nil
})
