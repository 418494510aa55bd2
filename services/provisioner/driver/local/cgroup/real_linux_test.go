package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
)

// realUnified mounts the kernel's own hierarchy of version 2. Which controllers
// it has depends on the machine: those of version 1 are not in it.
func realUnified(t *testing.T) Tree {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount control groups")
	}
	at := t.TempDir()
	if err := syscall.Mount("stampworks", at, "cgroup2", 0, ""); err != nil {
		t.Skipf("needs version 2: %v", err)
	}
	tree := Tree{Version: V2, Name: fmt.Sprintf("stampworks-test-%d/acme", os.Getpid()), at: at}
	t.Cleanup(func() {
		if err := errors.Join(tree.Remove(), syscall.Unmount(at, 0)); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(at, tree.Name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("left behind: %v", err)
		}
	})
	return tree
}

// into starts a process with a child of its own session in a leaf.
func (g Group) into(t *testing.T, leaf string) *exec.Cmd {
	t.Helper()
	file := g.ProcFiles(leaf)[0]
	cmd := exec.Command("sh", "-c", `echo 0 > "$0" && { setsid sleep 3600 & exec sleep 3600; }`, file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it may have ended
	testkit.Eventually(t, 10*time.Second, func() error {
		if in := listed(file); len(in) != 2 {
			return fmt.Errorf("%s has %q", file, in)
		}
		return nil
	})
	return cmd
}

// TestRealUnifiedEnds: the kernel's own groups, their processes and their end,
// with whatever controllers this machine has in version 2.
func TestRealUnifiedEnds(t *testing.T) {
	tree := realUnified(t)
	here := listed(filepath.Join(tree.at, "cgroup.controllers"))
	if want := map[bool]Version{true: V2}[!slices.ContainsFunc(controllers, func(c string) bool { return !slices.Contains(here, c) })]; offered(tree.at) != want {
		t.Errorf("with controllers %q it is version %d, want %d", here, offered(tree.at), want)
	}
	dir := filepath.Join(tree.at, tree.Name, "db")
	for _, leaf := range []string{"run", "jobs"} {
		if err := os.MkdirAll(filepath.Join(dir, leaf), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	g := tree.Group("db")
	run, jobs := g.into(t, "run"), g.into(t, "jobs")
	if err := g.End(t.Context(), "run"); err != nil {
		t.Fatal(err)
	}
	_ = run.Wait() // it was killed
	if left := listed(g.ProcFiles("run")[0]); len(left) != 0 {
		t.Errorf("left in run: %q", left)
	}
	if left := listed(g.ProcFiles("jobs")[0]); len(left) != 2 {
		t.Errorf("jobs has %q after the end of run", left)
	}
	if err := g.End(t.Context(), "jobs"); err != nil {
		t.Error(err)
	}
	_ = jobs.Wait() // it was killed
}

// TestRealUnifiedLimits: limits are what the kernel takes, where it has the
// controllers; where it has not, Make says so and limits nothing in silence.
func TestRealUnifiedLimits(t *testing.T) {
	tree := realUnified(t)
	g, err := tree.Make("db", limits)
	if offered(tree.at) != V2 {
		if err == nil || !strings.Contains(err.Error(), "enable controllers") {
			t.Errorf("Make without controllers = %v", err)
		}
		t.Skipf("limits are not tested: version 2 has only the controllers %q here", listed(filepath.Join(tree.at, "cgroup.controllers")))
	}
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"cpu.max": "25000 100000", "memory.max": "67108864", "pids.max": "1024"} {
		text, err := os.ReadFile(filepath.Join(tree.at, tree.Name, "db", file))
		if err != nil || strings.TrimSpace(string(text)) != want {
			t.Errorf("%s is %q, %v, want %s", file, text, err, want)
		}
	}
	cmd := g.into(t, "run") // groups with limits take processes only in their leaves
	if err := g.End(t.Context(), "run"); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // it was killed
}

// TestDetectSideBySide: who looks at the same time as others finds the same.
func TestDetectSideBySide(t *testing.T) {
	want := Detect()
	if want == None {
		t.Skip("needs control groups")
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				if got := Detect(); got != want {
					t.Errorf("version %d, want %d", got, want)
				}
			}
		})
	}
	all.Wait()
}
