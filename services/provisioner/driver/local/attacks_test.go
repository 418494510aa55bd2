package local_test

import (
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

//go:embed testdata/attack.py
var attackProgram string

//go:embed testdata/victim.py
var victimProgram string

// target is what an attack is told of a stamp: more than a neighbour could find
// out, and what the kernel would not tell it.
type target struct {
	Own        bool     `json:"own"` // the attacker's
	Secret     string   `json:"secret"`
	Stamp      string   `json:"stamp"`
	Components string   `json:"components"`
	Password   string   `json:"password"`
	Volume     string   `json:"volume"`
	Log        string   `json:"log"`
	Tmp        string   `json:"tmp"`
	Mask       string   `json:"mask"`
	PID        int      `json:"pid"`
	Memory     int64    `json:"memory"`
	Supervisor int      `json:"supervisor"`
	Binds      [][]any  `json:"binds"`
	Host       string   `json:"host"`
	Port       int      `json:"port"`
	UDP        int      `json:"udp"`
	Abstract   string   `json:"abstract"`
	Socket     string   `json:"socket"`
	Temporary  string   `json:"temporary"`
	Key        int      `json:"key"`
	Backups    string   `json:"backups"`
	Artifact   string   `json:"artifact"`
	Setuid     string   `json:"setuid"`
	Groups     []string `json:"groups"`
	// Allocations is the file of the whole host.
	Allocations string `json:"allocations"`
}

func (v target) text(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// newVictim starts a stamp whose one component has everything to be attacked.
func newVictim(t *testing.T, d cell, name string) (*tenant, target) {
	t.Helper()
	n := newTenant(t, d.Driver, name)
	n.addArtifact(d.c.DataDir)
	site, id := n.m.Site, tenants.Add(1)
	sql := site.Binds["app.sql"]
	v := target{
		Secret: "s3cr3t-" + n.ref.Tenant, Stamp: site.Dir, Components: filepath.Join(site.Dir, "components"),
		Password: filepath.Join(site.Files["app"], "password"), Volume: site.Volumes["app.data"],
		Log: filepath.Join(site.Dir, "components", "app", "log", "current.log"), Tmp: site.Tmp["app"], Mask: "/tmp",
		Binds: [][]any{{sql.Listen, sql.Port}}, Host: sql.Host, Port: sql.Port, UDP: 5353 + int(id),
		Abstract: n.ref.UID, Socket: filepath.Join(site.Volumes["app.data"], "sock"), Temporary: n.ref.UID,
		Key: os.Getpid()<<8 + int(id), Backups: filepath.Join(d.c.DataDir, "backups"), Setuid: filepath.Join(site.Volumes["app.data"], "id"),
		Allocations: filepath.Join(d.c.HostDir, "allocations.json"),
	}
	c := n.m.Components["app"]
	c.Env, c.Files = map[string]string{"SECRET": v.Secret}, map[string]string{"password": v.Secret}
	n.m.Components["app"] = c
	n.ensure("python3", "-c", victimProgram, v.text(t))
	waitLog(t, n, "ready")
	v.PID = n.pid()
	n.inspect(&v)
	return n, v
}

// addArtifact gives it a program in the store, with its own text.
func (n *tenant) addArtifact(dir string) {
	n.t.Helper()
	text := []byte("#!/bin/sh\n# " + n.ref.UID)
	path := filepath.Join(filepath.Dir(dir), n.ref.Tenant)
	if err := os.WriteFile(path, text, 0o755); err != nil {
		n.t.Fatal(err)
	}
	want := request("app")
	want.Artifacts["own"] = driver.Artifact{File: path, SHA256: fmt.Sprintf("%x", sha256.Sum256(text))}
	site, err := n.d.Reserve(n.t.Context(), n.ref, want)
	if err != nil {
		n.t.Fatal(err)
	}
	n.m.Site = site
}

// inspect fills in what only root can see.
func (n *tenant) inspect(v *target) {
	n.t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", v.PID))
	if err != nil {
		n.t.Fatal(err)
	}
	from, _, _ := strings.Cut(string(maps), "-")
	if v.Memory, err = strconv.ParseInt(from, 16, 64); err != nil {
		n.t.Fatal(err)
	}
	s := layout.Stamp(n.m.Site.Dir)
	response, err := control.Call(n.t.Context(), s, control.Request{Op: control.OpPing})
	if err != nil {
		n.t.Fatal(err)
	}
	v.Supervisor = response.PID
	record, err := control.ReadRecord(s)
	if err != nil {
		n.t.Fatal(err)
	}
	v.Groups = record.Settings.Groups.Group("app").ProcFiles("run")
	v.Artifact = filepath.Join(n.m.Site.Artifacts["own"].Dir, "own")
	id, err := exec.LookPath("id")
	if err == nil {
		var text []byte
		if text, err = os.ReadFile(id); err == nil {
			err = os.WriteFile(v.Setuid, text, 0o755)
		}
	}
	if err == nil && os.Geteuid() == 0 {
		err = os.Chmod(v.Setuid, 0o755|os.ModeSetuid)
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

// attacks are the functions of the program, up to and after the comment that
// divides them: those on another stamp, and those that no stamp may do at all.
func attacks(t *testing.T) (onOthers, onAnybody []string) {
	t.Helper()
	others, anybody, found := strings.Cut(attackProgram, "# What no stamp may do")
	if !found {
		t.Fatal("the program is not divided")
	}
	names := func(text string) (all []string) {
		for _, m := range regexp.MustCompile(`(?m)^def (\w+)\(\)`).FindAllStringSubmatch(text, -1) {
			if m[1] != "groups" {
				all = append(all, m[1])
			}
		}
		return all
	}
	return names(others), names(anybody)
}

func (n *tenant) attack(name string, v target) (through bool, said string) {
	n.t.Helper()
	code, out := n.python(attackProgram, name, v.text(n.t))
	if code != 0 && !strings.Contains(out, "Error") {
		n.t.Errorf("%s: failed, but not as expected: %s", name, out)
	}
	return code == 0, out
}

// cell is a driver and its configuration.
type cell struct {
	*local.Driver
	c local.Config
}

func newCell(t *testing.T, unisolated bool) cell {
	t.Helper()
	c := config(t)
	c.ArtifactRoots, c.Unisolated = []string{filepath.Dir(c.DataDir)}, unisolated
	return cell{open(t, c), c}
}

// private is what even the processes of one stamp do not share: each has its
// own /dev/shm and its own System V and POSIX queues and memory.
var private = []string{"shared_memory_file", "shared_memory", "message_queue"}

// TestAttacks: what a's program tries on b is refused, and the same on what is
// a's own is not.
func TestAttacks(t *testing.T) {
	t.Parallel()
	d := newCell(t, false)
	needRoot(t, d.Driver)
	a, own := newVictim(t, d, "aaa")
	b, other := newVictim(t, d, "bbb")
	own.Own = true
	if a.m.Site.Isolation["network"] != "nftables by user" || a.m.Site.Isolation["cpu"] == "NONE" {
		t.Skipf("needs nftables, Landlock and control groups: isolation here is %v", a.m.Site.Isolation)
	}
	onOthers, onAnybody := attacks(t)
	for _, name := range onOthers {
		if through, said := a.attack(name, other); through {
			t.Errorf("%s: it got through to b: %s", name, said)
		}
		if through, said := a.attack(name, own); !through && !slices.Contains(private, name) {
			t.Errorf("%s: not even a's own: %s", name, said)
		}
	}
	for _, name := range onAnybody {
		for whose, v := range map[string]target{"a's own": own, "b's": other} {
			if through, said := a.attack(name, v); through {
				t.Errorf("%s: it got through to %s: %s", name, whose, said)
			}
		}
	}
	if pid := b.pid(); pid != other.PID {
		t.Errorf("b runs as process %d, was %d", pid, other.PID)
	}
}

// TestWithoutIsolation: the same attacks get through where the stamp says that
// nothing keeps it apart. Who believes "NONE" is right, and the attacks work.
func TestWithoutIsolation(t *testing.T) {
	t.Parallel()
	d := newCell(t, true)
	a, _ := newVictim(t, d, "aaa")
	_, other := newVictim(t, d, "bbb")
	for _, kind := range []string{"users", "files", "network", "cpu", "memory", "disk"} {
		if got := a.m.Site.Isolation[kind]; got != "NONE" {
			t.Errorf("isolation of %s is %q without any", kind, got)
		}
	}
	asRoot := os.Geteuid() == 0
	onOthers, onAnybody := attacks(t)
	for _, name := range onOthers {
		if name == "uncover" {
			continue // there is no cover
		}
		if through, said := a.attack(name, other); !through {
			t.Errorf("%s: refused without isolation: %s", name, said)
		}
	}
	for _, name := range onAnybody {
		if slices.Contains([]string{"join_group", "lift_limits", "raise_limit", "change_firewall_by_another_user"}, name) || !asRoot {
			continue // there are no limits, or in a container root may not
		}
		if through, said := a.attack(name, other); !through {
			t.Errorf("%s: refused root without isolation: %s", name, said)
		}
	}
}
