package change_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/change"
	"stampworks.dev/services/provisioner/driver/local/host"
)

// servedVariable makes this test binary the program stamp-host.
const servedVariable = "STAMPWORKS_TEST_HOST"

func TestMain(m *testing.M) {
	if os.Getenv(servedVariable) != "" {
		if err := change.Serve(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	if err := os.Setenv(servedVariable, "1"); err == nil {
		os.Exit(m.Run())
	}
	os.Exit(1)
}

// at gives the changes of a data directory on a host.
func at(t *testing.T, dir, instance string) (change.Host, *host.File) {
	t.Helper()
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, host.InstanceFile), []byte(instance), 0o600); err != nil {
		t.Fatal(err)
	}
	h := change.Host{Program: os.Args[0], Walls: change.Walls{None: true}, Config: host.Config{
		Dir: dir, Instance: instance, DataDir: data, Users: host.Range{First: 310000, Last: 310003}, Public: "127.0.0.1",
		Ports: host.Range{First: 23100, Last: 23109}, Addresses: netip.MustParsePrefix("127.99.1.0/29"),
	}}
	f, err := host.Open(h.Config)
	if err != nil {
		t.Fatal(err)
	}
	return h, f
}

func claim(id string) host.Claim {
	return host.Claim{
		Ref: driver.Ref{Tenant: id, UID: "u-" + id, Token: 5}, User: true,
		Ports: map[string]int{"a.http": 28081}, Endpoint: "a.http",
	}
}

func TestChangesAreMadeByAnother(t *testing.T) {
	t.Parallel()
	h, f := at(t, t.TempDir(), "instance-one")
	a, err := h.Reserve(t.Context(), claim("acme"))
	if err != nil || a.User == 0 || a.Address == "" || a.Ports["a.http"] == 0 {
		t.Fatalf("given %+v, %v", a, err)
	}
	if read, found, err := f.Find("u-acme"); err != nil || !found || !reflect.DeepEqual(read, a) {
		t.Errorf("read %+v, %v, %v, given %+v", read, found, err, a)
	}
	if err := errors.Join(h.Clear(t.Context()), h.End(t.Context(), a), h.Release(t.Context(), claim("acme").Ref)); err != nil {
		t.Error(err)
	}
	if _, found, err := f.Find("u-acme"); found || err != nil {
		t.Errorf("released, and found: %v, %v", found, err)
	}
	if taken, err := h.Return(t.Context(), []host.Allocation{{Tenant: "other", UID: "u-other", User: 310002}}); err != nil || len(taken) != 0 {
		t.Errorf("returned: %v, %v", taken, err)
	}
}

// TestErrorsKeepTheirKind: who asks decides by it.
func TestErrorsKeepTheirKind(t *testing.T) {
	t.Parallel()
	h, _ := at(t, t.TempDir(), "instance-one")
	for _, id := range []string{"a", "b", "c", "d"} {
		if _, err := h.Reserve(t.Context(), claim(id)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := h.Reserve(t.Context(), claim("e"))
	var e *errs.Error
	if !errs.Is(err, errs.ResourceExhausted) || !errors.As(err, &e) || e.Metadata["resource"] != "users" || errs.ReasonOf(err) != "CAPACITY_EXHAUSTED" {
		t.Errorf("the fifth of four = %v", err)
	}
	late := claim("a").Ref
	late.Token = 9
	if err := h.Release(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Reserve(t.Context(), claim("a")); !errors.Is(err, driver.ErrStaleToken) {
		t.Errorf("of an owner of before = %v", err)
	}
	if err := os.RemoveAll(h.Config.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.Config.Dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Reserve(t.Context(), claim("f")); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("a host directory that is a file = %v", err)
	}
}

// TestManyAtOnce: processes that want the same numbers get different ones.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, _ := at(t, dir, "instance-one")
	two, _ := at(t, dir, "instance-two")
	var mu sync.Mutex
	users := map[int]bool{}
	var all sync.WaitGroup
	for i, id := range []string{"a", "b", "c", "d"} {
		all.Go(func() {
			a, err := []change.Host{one, two}[i%2].Reserve(t.Context(), claim(id))
			mu.Lock()
			defer mu.Unlock()
			if err != nil || users[a.User] {
				t.Errorf("given %+v, %v", a, err)
			}
			users[a.User] = true
		})
	}
	all.Wait()
}

// TestOrphans: the directory of an instance is gone.
func TestOrphans(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, _ := at(t, dir, "instance-one")
	two, f := at(t, dir, "instance-two")
	if _, err := one.Reserve(t.Context(), claim("a")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(one.Config.DataDir); err != nil {
		t.Fatal(err)
	}
	left, err := two.Collect(t.Context())
	if err != nil || len(left) != 0 {
		t.Errorf("left %+v, %v", left, err)
	}
	if users, _, _, err := f.Elsewhere(); err != nil || users != 0 {
		t.Errorf("%d users are still given, %v", users, err)
	}
}

// TestEndedInTheMiddle: a change that somebody kills, and one that is not made,
// say that it is to be tried again.
func TestEndedInTheMiddle(t *testing.T) { // not in parallel: who forks meanwhile keeps the program open for writing
	dir := t.TempDir()
	h, _ := at(t, dir, "instance-one")
	h.Program = filepath.Join(dir, "program")
	for script, check := range map[string]func(error) bool{
		"kill -STOP $$": func(err error) bool { return errs.Is(err, errs.Unavailable) && errs.ReasonOf(err) == "HOST_BUSY" },
		"kill -9 $$":    func(err error) bool { return errs.Is(err, errs.Unavailable) && errs.ReasonOf(err) == "HOST_BUSY" },
		"echo what a pity >&2; exit 3": func(err error) bool {
			return err != nil && strings.Contains(err.Error(), "what a pity")
		},
		"exec sleep 60": func(err error) bool { return errors.Is(err, context.DeadlineExceeded) },
	} {
		if err := os.WriteFile(h.Program, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		within := 30 * time.Second
		if strings.Contains(script, "sleep") {
			within = 300 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), within)
		if err := h.Clear(ctx); !check(err) {
			t.Errorf("%s: %v", script, err)
		}
		cancel()
	}
	once := filepath.Join(dir, "once")
	for _, signal := range []string{"KILL", "STOP"} {
		script := fmt.Sprintf("#!/bin/sh\nif mkdir %s-%s 2>/dev/null; then kill -%s $$; fi\nexec %s\n", once, signal, signal, os.Args[0])
		if err := os.WriteFile(h.Program, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := h.Clear(t.Context()); err != nil {
			t.Errorf("one that was ended once by %s: %v", signal, err)
		}
	}
	text, err := json.Marshal(h.Config)
	if err != nil || !strings.Contains(string(text), "127.99.1.0/29") {
		t.Errorf("the configuration on its way: %s, %v", text, err)
	}
}
