package local_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local"
)

// python is a component or job written in Python: the tests' tenants are free
// to do whatever a program can.
func request(components ...string) driver.SiteRequest {
	want := driver.SiteRequest{
		Ports: map[string]int{}, Endpoint: components[0] + ".http",
		Artifacts:  map[string]driver.Artifact{"python": {Host: "python3", Version: ">=3"}},
		Components: map[string][]string{},
	}
	for i, c := range components {
		want.Ports[c+".http"] = 18080 + i
		want.Ports[c+".sql"] = 15432 + i
		want.Components[c] = []string{"data"}
	}
	return want
}

type tenant struct {
	t   *testing.T
	d   *local.Driver
	ref driver.Ref
	m   driver.Manifest
}

// newTenant reserves a stamp with one component, "app", that serves nothing
// yet. It is destroyed when the test ends.
func newTenant(t *testing.T, d *local.Driver, name string) *tenant {
	t.Helper()
	return newNamed(t, d, fmt.Sprintf("%s-%d-%d", name, os.Getpid(), tenants.Add(1)))
}

// tenants tells tests' tenants apart, with the process's number: they share a host.
var tenants atomic.Int64

func newNamed(t *testing.T, d *local.Driver, name string) *tenant {
	t.Helper()
	ref := driver.Ref{Tenant: name, UID: fmt.Sprintf("%s-%d", name, time.Now().UnixNano()), Token: 1}
	site, err := d.Reserve(t.Context(), ref, request("app"))
	if err != nil {
		t.Fatal(err)
	}
	n := &tenant{t: t, d: d, ref: ref}
	t.Cleanup(func() {
		if text, err := os.ReadFile(filepath.Join(site.Dir, "supervisor.log")); err == nil && (strings.Contains(string(text), "DATA RACE") || strings.Contains(string(text), "panic:")) {
			t.Errorf("supervisor: %s", text)
		}
		if err := d.Destroy(context.Background(), n.ref); err != nil {
			t.Error(err)
		}
	})
	n.m = driver.Manifest{
		Tenant: name, UID: ref.UID, Generation: 1, Site: site,
		Components: map[string]driver.Component{
			"app": {Artifact: "python", Command: []string{"python3", "-c", "import time; time.sleep(3600)"}, Volumes: []string{"data"}},
		},
	}
	return n
}

// python runs a program in the tenant's place and gives exit code and output.
func (n *tenant) python(program string, args ...string) (int, string) {
	n.t.Helper()
	r, err := n.d.RunJob(n.t.Context(), n.ref, n.m, driver.Job{
		ID: "python", Component: "app", Command: append([]string{"python3", "-c", program}, args...), Unrecorded: true, Timeout: 20 * time.Second,
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return r.ExitCode, strings.Join(r.Output, "\n")
}

func (n *tenant) ensure(command ...string) {
	n.t.Helper()
	c := n.m.Components["app"]
	c.Command = command
	n.m.Components["app"] = c
	if err := n.d.Ensure(n.t.Context(), n.ref, n.m, "app"); err != nil {
		n.t.Fatal(err)
	}
}

func (n *tenant) pid() int {
	n.t.Helper()
	o, err := n.d.Observe(n.t.Context(), n.ref)
	if err != nil || len(o.Components["app"].PIDs) != 1 {
		n.t.Fatalf("observe: %+v, %v", o, err)
	}
	return o.Components["app"].PIDs[0]
}

func needRoot(t *testing.T, d *local.Driver) {
	t.Helper()
	c, err := d.Capacity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 || c.Isolation["users"] == "NONE" {
		t.Skipf("needs root and mount namespaces: isolation here is %v", c.Isolation)
	}
}

func TestProcessSeesItself(t *testing.T) {
	d := open(t, config(t))
	needRoot(t, d)
	a := newTenant(t, d, "aaa")
	if code, out := a.python("import os,pwd; print(pwd.getpwuid(os.getuid()).pw_name, os.getcwd(), oct(os.umask(0)), sorted(os.environ))"); code != 0 ||
		out != "stamp /tmp/own 0o77 ['HOME', 'LANG', 'LOGNAME', 'PATH', 'STAMPWORKS_NONCE', 'STAMPWORKS_REPLICA', 'TMPDIR', 'USER']" {
		t.Errorf("a's process is %d %s", code, out)
	}
}

const listen = `
import socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], int(sys.argv[2]))); s.listen()
print("listening", flush=True)
while True:
    c, _ = s.accept(); c.sendall(sys.argv[3].encode()); c.close()
`

const connect = `
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)
print(s.recv(100).decode())
`

func TestAddressesBelongToTheirStamps(t *testing.T) {
	d := open(t, config(t))
	needRoot(t, d)
	a, b := newTenant(t, d, "aaa"), newTenant(t, d, "bbb")
	if a.m.Site.Isolation["network"] == "NONE" {
		t.Skip("needs nftables")
	}
	sql, web := b.m.Site.Binds["app.sql"], b.m.Site.Binds["app.http"]
	b.ensure("python3", "-c", listen, sql.Listen, fmt.Sprint(sql.Port), "b")
	waitFor(t, func() error { return answers(sql, "b") })
	if code, out := b.python(connect, sql.Host, fmt.Sprint(sql.Port)); code != 0 || out != "b" {
		t.Errorf("b cannot reach its own: %d %s", code, out)
	}
	if code, out := a.python(connect, sql.Host, fmt.Sprint(sql.Port)); code == 0 {
		t.Errorf("a reached b's database: %s", out)
	}
	if err := d.Stop(t.Context(), b.ref, "app"); err != nil {
		t.Fatal(err)
	}
	a.ensure("python3", "-c", listen, sql.Listen, fmt.Sprint(sql.Port), "a")
	waitLog(t, a, "listening")
	if code, out := b.python(connect, sql.Host, fmt.Sprint(sql.Port)); code == 0 {
		t.Errorf("a answered on b's address while b was down: %s", out)
	}
	a.ensure("python3", "-c", listen, web.Listen, fmt.Sprint(web.Port), "squat")
	waitLog(t, a, "listening")
	if err := answers(web, "squat"); err == nil {
		t.Error("a answered on b's public port while b was down")
	}
	own := a.m.Site.Binds["app.http"]
	a.ensure("python3", "-c", listen, own.Listen, fmt.Sprint(own.Port), "a's own")
	waitFor(t, func() error { return answers(own, "a's own") })
}

// answers connects as root, the prober's user.
func answers(b driver.Bind, want string) error {
	c, err := net.DialTimeout("tcp", net.JoinHostPort(b.Host, fmt.Sprint(b.Port)), time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	text := make([]byte, len(want))
	if n, err := c.Read(text); err != nil || string(text[:n]) != want {
		return fmt.Errorf("answered %q, %w, want %q", text[:n], err, want)
	}
	return nil
}

func waitFor(t *testing.T, try func() error) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after 20 s: %v", err)
		}
		<-tick.C
	}
}

// waitLog waits until the running process has said the word.
func waitLog(t *testing.T, n *tenant, word string) {
	t.Helper()
	lines := 0
	waitFor(t, func() error {
		text, err := os.ReadFile(filepath.Join(n.m.Site.Dir, "components", "app", "log", "current.log"))
		if err != nil {
			return err
		}
		if lines = strings.Count(string(text), word); lines == 0 || !n.running() {
			return fmt.Errorf("log is %q", text)
		}
		return os.Truncate(filepath.Join(n.m.Site.Dir, "components", "app", "log", "current.log"), 0)
	})
}

func (n *tenant) running() bool {
	o, err := n.d.Observe(n.t.Context(), n.ref)
	return err == nil && o.Components["app"].Running
}

func TestLimitsHold(t *testing.T) {
	d := open(t, config(t))
	needRoot(t, d)
	a := newTenant(t, d, "aaa")
	if a.m.Site.Isolation["memory"] == "NONE" {
		t.Skip("needs control groups")
	}
	c := a.m.Components["app"]
	c.MemoryBytes, c.CPUMillis = 64<<20, 200
	a.m.Components["app"] = c
	if code, out := a.python("x = bytearray(256 << 20); print(len(x))"); code != -1 {
		t.Errorf("took 256 MiB of 64: %d %s", code, out)
	}
	_, out := a.python("import time; w=time.monotonic(); c=time.process_time()\nwhile time.monotonic()-w < 1: pass\nprint(time.process_time()-c)")
	var used float64
	if _, err := fmt.Sscan(out, &used); err != nil || used > 0.5 {
		t.Errorf("used %s of a core's second at 200 millis (%v)", out, err)
	}
}

// The store has every customer's programs, with whatever is in them.
func TestArtifactsOfOthersAreHidden(t *testing.T) {
	c, text := config(t), "#!/bin/sh\nexec \"$@\"\n# "
	dir := filepath.Dir(c.DataDir)
	c.ArtifactRoots = []string{dir}
	d := open(t, c)
	needRoot(t, d)
	want := request("app")
	for _, name := range []string{"mine", "theirs"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text+name), 0o755); err != nil {
			t.Fatal(err)
		}
		want.Artifacts[name] = driver.Artifact{File: path, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(text+name)))}
	}
	a := newTenant(t, d, "aaa")
	site, err := d.Reserve(t.Context(), a.ref, want)
	if err != nil {
		t.Fatal(err)
	}
	a.m.Site = site
	a.m.Components["app"] = driver.Component{Artifact: "mine", Command: []string{"mine", "sleep", "3600"}, Volumes: []string{"data"}}
	read := func(name string) bool {
		r, err := d.RunJob(t.Context(), a.ref, a.m, driver.Job{
			ID: name, Component: "app", Command: []string{"mine", "cat", filepath.Join(site.Artifacts[name].Dir, name)}, Unrecorded: true, Timeout: 20 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		return r.ExitCode == 0
	}
	if !read("mine") {
		t.Error("it cannot read its own program")
	}
	if read("theirs") {
		t.Error("it read the program of another")
	}
}

// What listens on loopback trusts who comes that way: admin ports, the page of
// the fleet, databases of the machine.
func TestLoopbackIsOutOfReach(t *testing.T) {
	relay := listenOnLoopback(t, "127.0.0.1:0")
	c := config(t)
	c.LoopbackPorts = []int{relay}
	d := open(t, c)
	needRoot(t, d)
	a, b := newTenant(t, d, "aaa"), newTenant(t, d, "bbb")
	if a.m.Site.Isolation["network"] != "nftables by user" {
		t.Skip("needs nftables")
	}
	reach := func(host string, port int) bool {
		code, _ := a.python(connect, host, fmt.Sprint(port))
		return code == 0
	}
	for name, at := range map[string]string{"loopback": "127.0.0.1", "another address of it": "127.0.0.77", "of IPv6": "::1"} {
		l, err := listenLow(at)
		if err != nil {
			t.Logf("%s: %v", name, err)
			continue
		}
		if port := serveHello(t, l); reach(at, port) {
			t.Errorf("a connected to a service on %s, port %d", name, port)
		}
	}
	if !reach("127.0.0.1", relay) {
		t.Error("a cannot connect to a port that the operator allows")
	}
	web := b.m.Site.Binds["app.http"]
	b.ensure("python3", "-c", listen, web.Listen, fmt.Sprint(web.Port), "b")
	waitFor(t, func() error { return answers(web, "b") })
	if !reach(web.Host, web.Port) {
		t.Error("a cannot connect to b's public endpoint")
	}
	own := a.m.Site.Binds["app.sql"]
	a.ensure("python3", "-c", listen, own.Listen, fmt.Sprint(own.Port), "a")
	waitFor(t, func() error { return answers(own, "a") })
	if !reach(own.Host, own.Port) {
		t.Error("a cannot connect to itself")
	}
	if code, out := a.python(speakToMyself); code != 0 {
		t.Errorf("a cannot send datagrams to itself: %s", out)
	}
}

const speakToMyself = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); s.settimeout(2)
s.connect(s.getsockname()); s.send(b"x"); assert s.recv(1) == b"x"
`

// listenLow takes a port that is nobody's: the loopback_ports of all who test on
// this host add up, and theirs are from where the kernel gives out ports.
func listenLow(at string) (l net.Listener, err error) {
	for range 100 {
		if l, err = net.Listen("tcp", net.JoinHostPort(at, fmt.Sprint(10000+rand.N(9000)))); !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return l, err
}

func listenOnLoopback(t *testing.T, at string) int {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	return serveHello(t, l)
}

// serveHello answers everybody until the test ends.
func serveHello(t *testing.T, l net.Listener) int {
	t.Helper()
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("hello"))
			_ = c.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}
