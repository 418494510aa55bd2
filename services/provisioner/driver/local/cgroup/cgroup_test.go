package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// pretend makes a mount that looks like the kernel's, with the files that a
// tree's groups would have: only the kernel makes those by itself.
func pretend(t *testing.T, v Version, files map[string][]string) Tree {
	t.Helper()
	tree := Tree{Version: v, Name: "stampworks/1f2e3d4c-acme", at: t.TempDir()}
	for below, names := range files {
		for _, name := range names {
			set(t, filepath.Join(tree.at, below, name), "")
		}
	}
	return tree
}

func set(t *testing.T, path, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (t Tree) has(tb *testing.T, want map[string]string) {
	tb.Helper()
	for below, text := range want {
		got, err := os.ReadFile(filepath.Join(t.at, below))
		if err != nil || string(got) != text {
			tb.Errorf("%s is %q, %v, want %q", below, got, err, text)
		}
	}
}

const acme = "stampworks/1f2e3d4c-acme"

// unified are the files of a tree of version 2 with one component.
func unified() map[string][]string {
	on := []string{"cgroup.subtree_control"}
	return map[string][]string{
		"": on, "stampworks": on, acme: {"cgroup.subtree_control", "cpu.weight"},
		acme + "/db":      {"cpu.max", "cpu.weight", "memory.max", "memory.swap.max", "pids.max", "cgroup.subtree_control"},
		acme + "/db/run":  {"cgroup.procs", "cgroup.kill"},
		acme + "/db/jobs": {"cgroup.procs", "cgroup.kill"},
	}
}

var limits = Limits{CPUMillis: 250, CPUShareMillis: 250, MemoryBytes: 64 << 20, Processes: 1024}

func TestUnifiedLimits(t *testing.T) {
	tree := pretend(t, V2, unified())
	g, err := tree.Make("db", limits)
	if err != nil {
		t.Fatal(err)
	}
	tree.has(t, map[string]string{
		"cgroup.subtree_control": "+cpu +memory +pids", "stampworks/cgroup.subtree_control": "+cpu +memory +pids",
		acme + "/cgroup.subtree_control":    "+cpu +memory +pids",
		acme + "/db/cgroup.subtree_control": "", // a group with processes below it gives none on
		acme + "/db/cpu.max":                "25000 100000", acme + "/db/memory.max": "67108864",
		acme + "/db/memory.swap.max": "0", acme + "/db/pids.max": "1024",
	})
	if files := g.ProcFiles("jobs"); len(files) != 1 || files[0] != filepath.Join(tree.at, acme, "db/jobs/cgroup.procs") {
		t.Errorf("processes join %q", files)
	}
	if _, err := tree.Make("db", Limits{}); err != nil {
		t.Fatal(err)
	}
}

func TestUnifiedNoLimits(t *testing.T) {
	tree := pretend(t, V2, unified())
	if _, err := tree.Make("db", Limits{CPUMillis: 1}); err != nil {
		t.Fatal(err)
	}
	tree.has(t, map[string]string{
		acme + "/db/cpu.max":    "1000 100000", // the kernel's least
		acme + "/db/memory.max": "max", acme + "/db/pids.max": "max",
	})
}

// TestMissingFiles: a kernel without swap counting is fine, one that cannot
// limit is not.
func TestMissingFiles(t *testing.T) {
	for file, fine := range map[string]bool{"memory.swap.max": true, "memory.max": false, "pids.max": false, "cpu.max": false} {
		tree := pretend(t, V2, unified())
		if err := os.Remove(filepath.Join(tree.at, acme, "db", file)); err != nil {
			t.Fatal(err)
		}
		if _, err := tree.Make("db", limits); (err == nil) != fine {
			t.Errorf("without %s: %v", file, err)
		}
		if _, err := os.Stat(filepath.Join(tree.at, acme, "db", file)); err == nil {
			t.Errorf("%s was made", file)
		}
	}
}

func TestControllersLimits(t *testing.T) {
	tree := pretend(t, V1, map[string][]string{
		"cpu/" + acme: {"cpu.shares"}, "cpu/" + acme + "/db": {"cpu.cfs_quota_us", "cpu.shares"},
		"memory/" + acme + "/db": {"memory.limit_in_bytes", "memory.swappiness"}, "pids/" + acme + "/db": {"pids.max"},
	})
	g, err := tree.Make("db", limits)
	if err != nil {
		t.Fatal(err)
	}
	tree.has(t, map[string]string{
		"cpu/" + acme + "/db/cpu.cfs_quota_us":         "25000",
		"cpu/" + acme + "/db/cpu.shares":               "256",
		"cpu/" + acme + "/cpu.shares":                  "256",
		"memory/" + acme + "/db/memory.limit_in_bytes": "67108864",
		"memory/" + acme + "/db/memory.swappiness":     "0",
		"pids/" + acme + "/db/pids.max":                "1024",
	})
	if files := g.ProcFiles("run"); len(files) != 3 {
		t.Errorf("processes join %q", files)
	}
}

// TestWeights: who has more reserved gets more where all want it, a stamp as much as
// its components together, and no weight is one that the kernel refuses.
func TestWeights(t *testing.T) {
	files := unified()
	files[acme+"/app"] = files[acme+"/db"]
	tree := pretend(t, V2, files)
	set(t, filepath.Join(tree.at, acme, "app/cpu.weight"), "0")
	for _, c := range []struct {
		component   string
		share       int64
		weight, sum string
	}{
		{"db", 250, "25", "25"},
		{"app", 1, "1", "26"},
		{"app", 0, "100", "125"}, // as one core
		{"app", 2000, "200", "225"},
		{"app", 1 << 40, "10000", "10000"},
	} {
		if _, err := tree.Make(c.component, Limits{CPUShareMillis: c.share}); err != nil {
			t.Fatal(err)
		}
		tree.has(t, map[string]string{acme + "/" + c.component + "/cpu.weight": c.weight, acme + "/cpu.weight": c.sum})
	}
}

// TestWeightsAtOnce: components that are made at the same moment all count.
func TestWeightsAtOnce(t *testing.T) {
	files, components := unified(), []string{"db", "queue", "app", "worker", "edge"}
	for _, c := range components {
		files[acme+"/"+c] = files[acme+"/db"]
	}
	tree := pretend(t, V2, files)
	set(t, filepath.Join(tree.at, acme, "cpu.weight"), "500")
	for round := range 2000 {
		for _, c := range components {
			set(t, filepath.Join(tree.at, acme, c, "cpu.weight"), "100")
		}
		want := strconv.Itoa(200 + round%7*100) // so that what an earlier round left is wrong
		var all sync.WaitGroup
		for _, c := range components {
			all.Go(func() {
				if err := errors.Join(put(filepath.Join(tree.at, acme, c, "cpu.weight"), want), tree.share()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		tree.has(t, map[string]string{acme + "/cpu.weight": strconv.Itoa(len(components) * (200 + round%7*100))})
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

func TestOffered(t *testing.T) {
	for name, c := range map[string]struct {
		make func(at string)
		want Version
	}{
		"nothing":       {func(string) {}, None},
		"unified":       {func(at string) { set(t, at+"/cgroup.controllers", "cpuset cpu io memory pids\n") }, V2},
		"without pids":  {func(at string) { set(t, at+"/cgroup.controllers", "cpu memory\n") }, None},
		"controllers":   {func(at string) { set(t, at+"/cpu/x", ""); set(t, at+"/memory/x", ""); set(t, at+"/pids/x", "") }, V1},
		"without cpu":   {func(at string) { set(t, at+"/memory/x", ""); set(t, at+"/pids/x", "") }, None},
		"hybrid, in v1": {func(at string) { set(t, at+"/unified/cgroup.controllers", ""); set(t, at+"/cpu/x", "") }, None},
	} {
		at := t.TempDir()
		c.make(at)
		if got := offered(at); got != c.want {
			t.Errorf("%s: version %d, want %d", name, got, c.want)
		}
	}
}

// TestEnd: all of the leaf are ended, by the kernel's own way where it has one.
func TestEnd(t *testing.T) {
	tree := pretend(t, V2, unified())
	g := tree.Group("db")
	if err := g.End(t.Context(), "run"); err != nil {
		t.Errorf("nothing to end: %v", err)
	}
	tree.has(t, map[string]string{acme + "/db/run/cgroup.kill": ""})
	cmd := exec.Command("sleep", "3600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	procs := filepath.Join(tree.at, acme, "db/run/cgroup.procs")
	set(t, procs, fmt.Sprintf("0\n%d\n", cmd.Process.Pid)) // 0 is of another pid namespace
	ended := make(chan error, 1)
	go func() {
		_ = cmd.Wait()                           // it is killed
		ended <- os.WriteFile(procs, nil, 0o600) // as the kernel does
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := g.End(ctx, "run"); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	tree.has(t, map[string]string{acme + "/db/run/cgroup.kill": "1", acme + "/db/jobs/cgroup.kill": ""})
}

func TestRemove(t *testing.T) {
	tree := pretend(t, V2, map[string][]string{acme + "/db/run": nil})
	for _, dir := range []string{acme + "/db/run", acme + "/db/jobs", "stampworks/1f2e3d4c-other/db/run"} {
		if err := os.MkdirAll(filepath.Join(tree.at, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := tree.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	var left []string
	err := filepath.WalkDir(tree.at, func(path string, _ fs.DirEntry, err error) error {
		left = append(left, strings.TrimPrefix(path, tree.at))
		return err
	})
	if err != nil || strings.Join(left, " ") != " /stampworks /stampworks/1f2e3d4c-other /stampworks/1f2e3d4c-other/db /stampworks/1f2e3d4c-other/db/run" {
		t.Errorf("left %q, %v", left, err)
	}
}
