// Package cgroup limits what the processes of one component may use, by the
// kernel's control groups, v1 and v2. They are only directories and files, so
// the standard library is enough, and the supervisor is built from it.
//
// Every component has one group that carries its limits, and below it one
// group for its own processes ("run") and one for its jobs: ending the ones
// must not end the others.
package cgroup

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mount is where Linux distributions mount control groups.
const mount = "/sys/fs/cgroup"

// Version is which kind of control groups a machine has.
type Version int

// None is a machine whose control groups cannot be used.
const (
	None Version = 0
	V1   Version = 1
	V2   Version = 2
)

// controllers are those that limit stamps. Process counts are limited so that
// a fork bomb stays inside its stamp.
var controllers = []string{"cpu", "memory", "pids"}

// Limits of one component; zero is none.
type Limits struct {
	CPUMillis   int64
	MemoryBytes int64
	Processes   int64
	// CPUShareMillis is its part of the processor where all want it; zero is a core.
	CPUShareMillis int64
}

// Tree is the groups of one stamp.
type Tree struct {
	Version Version `json:"version"`
	// Name is below the mount, such as "stampworks/1f2e3d4c-acme".
	Name string `json:"name"`

	at string // the mount, when it is not where it always is
}

// Of gives the groups of a tenant's stamp in a data directory, by its instance's
// id; none of the version None.
func Of(v Version, instance, tenant string) Tree {
	if v == None {
		return Tree{}
	}
	return Tree{Version: v, Name: filepath.Join("stampworks", instance[:8]+"-"+tenant)}
}

func (t Tree) mount() string { return cmp.Or(t.at, mount) }

// Detect tries what Tree needs, by making a group of its own and removing it.
func Detect() Version {
	version := offered(mount)
	if version == None {
		return None
	}
	try := Tree{Version: version, Name: "stampworks/probe-" + rand.Text()}
	_, err := try.Make("c", Limits{CPUMillis: 100, MemoryBytes: 64 << 20, Processes: 16})
	if err = errors.Join(err, try.Remove()); err != nil {
		return None
	}
	return version
}

// offered is what a mount looks like. A limit that is not there limits nothing,
// so all controllers must be.
func offered(at string) Version {
	there := func(has func(controller string) bool) bool {
		return !slices.ContainsFunc(controllers, func(c string) bool { return !has(c) })
	}
	unified := listed(filepath.Join(at, "cgroup.controllers"))
	switch {
	case there(func(c string) bool { return slices.Contains(unified, c) }):
		return V2
	case there(func(c string) bool { return isDir(filepath.Join(at, c)) }):
		return V1
	}
	return None
}

// Made is false where there are no control groups.
func (t Tree) Made() bool { return t.Version != None }

// Group is where the processes of one component go.
type Group struct {
	dirs []string
	kill bool // the kernel may know how to end all of a leaf at once
}

// Make makes a component's groups, or changes their limits.
func (t Tree) Make(component string, l Limits) (Group, error) {
	if t.Version == None {
		return Group{}, nil
	}
	for _, root := range t.roots() {
		if err := t.makeDirs(root, filepath.Join(root, t.Name, component)); err != nil {
			return Group{}, err
		}
	}
	for file, value := range t.settings(l) {
		path := filepath.Join(t.root(file), t.Name, component, file)
		err := put(path, value)
		if errors.Is(err, fs.ErrNotExist) && file == swapFile {
			continue // the kernel does not count swap
		}
		if err != nil {
			return Group{}, fmt.Errorf("limit control group: %w", err)
		}
	}
	if err := t.share(); err != nil {
		return Group{}, fmt.Errorf("share processor: %w", err)
	}
	return t.Group(component), nil
}

// Group gives a component's groups without making them.
func (t Tree) Group(component string) Group {
	g := Group{kill: t.Version == V2}
	if t.Version != None {
		for _, root := range t.roots() {
			g.dirs = append(g.dirs, filepath.Join(root, t.Name, component))
		}
	}
	return g
}

func (t Tree) makeDirs(root, dir string) error {
	for _, leaf := range []string{"run", "jobs"} {
		if err := makeAll(filepath.Join(dir, leaf)); err != nil {
			return fmt.Errorf("make control group: %w", err)
		}
	}
	if t.Version != V2 {
		return nil
	}
	on := "+" + strings.Join(controllers, " +")
	below, err := filepath.Rel(root, dir)
	if err != nil {
		return fmt.Errorf("make control group: %w", err)
	}
	at := root
	for _, part := range append([]string{""}, strings.Split(below, "/")...) {
		at = filepath.Join(at, part)
		if at == dir { // its leaves share what it has
			break
		}
		if err := put(filepath.Join(at, "cgroup.subtree_control"), on); err != nil {
			return fmt.Errorf("enable controllers: %w", err)
		}
	}
	return nil
}

// makeAll makes a directory and those above it, though the last stamp of the
// machine but this one may be removing what is common to all just now.
func makeAll(dir string) (err error) {
	for range 100 {
		if err = os.MkdirAll(dir, 0o755); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return err
}

// swapFile is the one that a kernel may lack.
const swapFile = "memory.swap.max"

// settings gives file names and contents; v1 and v2 call the same things
// differently (kernel: admin-guide/cgroup-v1, admin-guide/cgroup-v2).
func (t Tree) settings(l Limits) map[string]string {
	// The kernel's own. With 5 and 10 ms more of a neighbour's requests had to wait,
	// not fewer, when that was tried.
	const period = 100_000 // microseconds
	number := func(n int64, none string) string {
		if n <= 0 {
			return none
		}
		return strconv.FormatInt(n, 10)
	}
	quota := max(l.CPUMillis*period/1000, 0)
	if quota > 0 {
		quota = max(quota, 1000) // the kernel's least
	}
	if t.Version == V1 {
		return map[string]string{
			"cpu.cfs_quota_us":      number(quota, "-1"),
			t.weightFile():          strconv.FormatInt(t.weight(l), 10),
			"memory.limit_in_bytes": number(l.MemoryBytes, "-1"),
			"memory.swappiness":     "0", // there is no limit of swap without accounting
			"pids.max":              number(l.Processes, "max"),
		}
	}
	return map[string]string{
		"cpu.max":      number(quota, "max") + " " + strconv.Itoa(period),
		t.weightFile(): strconv.FormatInt(t.weight(l), 10),
		"memory.max":   number(l.MemoryBytes, "max"),
		swapFile:       "0",
		"pids.max":     number(l.Processes, "max"),
	}
}

// ProcFiles are the files to which a process of the leaf ("run" or "jobs")
// writes its pid.
func (g Group) ProcFiles(leaf string) []string {
	var files []string
	for _, dir := range g.dirs {
		files = append(files, filepath.Join(dir, leaf, "cgroup.procs"))
	}
	return files
}

// Remove removes all groups of the stamp. The processes must have ended.
func (t Tree) Remove() error {
	if t.Version == None {
		return nil
	}
	var all error
	for _, root := range t.roots() {
		var dirs []string
		err := filepath.WalkDir(filepath.Join(root, t.Name), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return err
		})
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		slices.Reverse(dirs)
		for _, dir := range dirs { // a supervisor that ends removes the same
			if gone := os.Remove(dir); !errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
		all = errors.Join(all, err)
		_ = os.Remove(filepath.Dir(filepath.Join(root, t.Name))) // the last stamp's turns out the light
	}
	if all != nil {
		return fmt.Errorf("remove control groups: %w", all)
	}
	return nil
}

func (t Tree) roots() []string {
	if t.Version == V2 {
		return []string{t.mount()}
	}
	var roots []string
	for _, c := range controllers {
		roots = append(roots, filepath.Join(t.mount(), c))
	}
	return roots
}

func (t Tree) root(file string) string {
	if t.Version == V2 {
		return t.mount()
	}
	controller, _, _ := strings.Cut(file, ".")
	return filepath.Join(t.mount(), controller)
}

// listed gives the words of a file, none when it cannot be read.
func listed(file string) []string {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return strings.Fields(string(text))
}

// put writes one of the kernel's files. It makes none: that would be refused,
// and not as a file that is not there.
func put(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
