package dev

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
)

func TestEmbeddedEtcdKeepsDataOverRestarts(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), strings.Repeat("long-", 30))} {
		for round := range 2 {
			e, err := startEtcd(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			backend, err := etcd.New(t.Context(), etcd.Config{Endpoints: []string{e.endpoint}}, etcd.Deps{Log: testkit.Logger(t)})
			if err != nil {
				t.Fatal(err)
			}
			if round == 0 {
				if _, err := backend.Txn(t.Context(), nil, []store.Op{store.PutOp("/a", []byte("1"))}); err != nil {
					t.Fatal(err)
				}
			}
			if kv, err := backend.Get(t.Context(), "/a"); err != nil || string(kv.Value) != "1" {
				t.Errorf("round %d: got %q, %v", round, kv.Value, err)
			}
			_ = backend.Close()
			e.stop()
		}
	}
}

// What etcd listens on, its user alone may enter. An abstract socket has no
// owner: whoever reaches it reaches etcd.
func TestEmbeddedEtcdListensInItsFolderOnly(t *testing.T) {
	tcp, unix := listening(t, "tcp", "0A"), listening(t, "unix", "01")
	e, err := startEtcd(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer e.stop()
	if info, err := os.Stat(e.sockets); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its folder: %v, %v", info, err)
	}
	var inside int
	for _, path := range listening(t, "unix", "01") {
		switch {
		case slices.Contains(unix, path):
		case filepath.Dir(path) == e.sockets:
			inside++
		default:
			t.Errorf("it listens at %q, outside of its folder", path)
		}
	}
	if inside != 1 {
		t.Errorf("it listens at %d sockets of its folder, want the client's", inside)
	}
	for _, port := range listening(t, "tcp", "0A") {
		if !slices.Contains(tcp, port) {
			t.Errorf("it listens on TCP at %s", port)
		}
	}
}

// listening gives the addresses at which this process listens.
func listening(t *testing.T, network, state string) []string {
	t.Helper()
	mine := map[string]bool{}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if to, err := os.Readlink(filepath.Join("/proc/self/fd", f.Name())); err == nil {
			mine[to] = true
		}
	}
	inode, at, states := 9, 1, 3 // columns of /proc/net/tcp (proc_net_tcp)
	if network == "unix" {
		inode, at, states = 6, 7, 5 // of /proc/net/unix (proc_pid_net)
	}
	text, err := os.ReadFile("/proc/self/net/" + network)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		if c := strings.Fields(line); len(c) > at && len(c) > inode && c[states] == state && mine[fmt.Sprintf("socket:[%s]", c[inode])] {
			list = append(list, c[at])
		}
	}
	return list
}
