package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

func cell(t *testing.T, dir, instance string) *File {
	t.Helper()
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, InstanceFile), []byte(instance), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(Config{
		Dir: dir, Instance: instance, DataDir: data, Users: Range{300000, 300003}, Public: "127.0.0.1",
		Ports: Range{23000, 23009}, Addresses: netip.MustParsePrefix("127.99.0.0/29"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func claim(n int) Claim {
	return Claim{
		Ref: driver.Ref{Tenant: fmt.Sprint("t", n), UID: fmt.Sprint("u", n), Token: 5}, User: true,
		Ports: map[string]int{"a.http": 28080, "b.sql": 25432}, Endpoint: "a.http",
	}
}

func TestReserveIsIdempotentAndApart(t *testing.T) {
	dir := t.TempDir()
	one, two := cell(t, dir, "one"), cell(t, dir, "two")
	a, err := one.Reserve(t.Context(), claim(1))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := one.Reserve(t.Context(), claim(1)); err != nil || !reflect.DeepEqual(again, a) {
		t.Errorf("again %+v, %v, was %+v", again, err, a)
	}
	b, err := two.Reserve(t.Context(), claim(1))
	if err != nil || a.User == b.User || a.Address == b.Address || a.Ports["a.http"] == b.Ports["a.http"] {
		t.Errorf("two instances share %+v and %+v, %v", a, b, err)
	}
	if a.Ports["b.sql"] != 0 {
		t.Errorf("a port of the pool was given where the address has its own: %+v", a)
	}
	if users, addresses, ports, err := one.Elsewhere(); err != nil || users != 1 || addresses != 1 || ports != 1 {
		t.Errorf("elsewhere %d %d %d, %v", users, addresses, ports, err)
	}
}

// nothing is done before a release.
func nothing(Allocation) error { return nil }

func TestFullNamesTheResource(t *testing.T) {
	f := cell(t, t.TempDir(), "one")
	for i := range 4 {
		if _, err := f.Reserve(t.Context(), claim(i)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := f.Reserve(t.Context(), claim(4))
	var e *errs.Error
	if !errs.Is(err, errs.ResourceExhausted) || !errors.As(err, &e) || e.Metadata["resource"] != "users" {
		t.Errorf("fifth of four = %v", err)
	}
	if err := f.Release(t.Context(), driver.Ref{UID: "u2", Token: 5}, nothing); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Reserve(t.Context(), claim(4)); err != nil {
		t.Errorf("after a release = %v", err)
	}
	if _, err := f.Reserve(t.Context(), Claim{Ref: driver.Ref{Tenant: "t1", UID: "another"}}); !errs.Is(err, errs.Conflict) {
		t.Errorf("same id, other tenant = %v, want Conflict", err)
	}
}

func TestClearRemovesWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	f := cell(t, dir, "one")
	if _, err := f.Reserve(t.Context(), claim(1)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".new-1", ".new-2"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := cell(t, dir, "two").Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left %v, %v, want the file and its lock", entries, err)
	}
	if a, found, err := f.Find("u1"); err != nil || !found || a.User == 0 {
		t.Errorf("allocation %+v, %v, %v", a, found, err)
	}
}

// Numbers whose walls are still there go back to nobody.
func TestReleaseAsksFirst(t *testing.T) {
	f := cell(t, t.TempDir(), "one")
	a, err := f.Reserve(t.Context(), claim(1))
	if err != nil {
		t.Fatal(err)
	}
	ref, no := claim(1).Ref, errors.New("not now")
	err = f.Release(t.Context(), ref, func(had Allocation) error {
		if !reflect.DeepEqual(had, a) {
			t.Errorf("asked about %+v, want %+v", had, a)
		}
		return no
	})
	if _, found, _ := f.Find(ref.UID); !errors.Is(err, no) || !found {
		t.Errorf("released all the same: %v", err)
	}
	for range 2 { // the second has nothing to ask about
		if err := f.Release(t.Context(), ref, nothing); err != nil {
			t.Error(err)
		}
	}
	if _, found, _ := f.Find(ref.UID); found {
		t.Error("it is not released")
	}
}

func TestReleasedRefusesStale(t *testing.T) {
	f := cell(t, t.TempDir(), "one")
	if _, err := f.Reserve(t.Context(), claim(1)); err != nil {
		t.Fatal(err)
	}
	if err := f.Release(t.Context(), driver.Ref{UID: "u1", Token: 7}, nothing); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Reserve(t.Context(), claim(1)); !errors.Is(err, driver.ErrStaleToken) {
		t.Errorf("Reserve with token 5 after Release with 7 = %v", err)
	}
}

// After a recovery tokens are low again, and those from before it are high.
func TestReleasedUnderARecovery(t *testing.T) {
	f := cell(t, t.TempDir(), "one")
	if _, err := f.Reserve(t.Context(), claim(1)); err != nil {
		t.Fatal(err)
	}
	last := driver.Ref{UID: "u1", Token: 3, Recovery: "r-1"}
	for range 2 {
		if err := f.Release(t.Context(), last, nothing); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		recovery string
		token    int64
		stale    bool
	}{{"", 5, true}, {"r-1", 2, true}, {"r-2", 9, true}, {"r-1", 3, false}, {"r-1", 4, false}} {
		c := claim(1)
		c.Token, c.Recovery = tc.token, tc.recovery
		if stale, err := f.Stale(c.Ref); err != nil || stale != tc.stale {
			t.Errorf("%+v is stale: %v, %v", tc, stale, err)
		}
		if _, err := f.Reserve(t.Context(), c); errors.Is(err, driver.ErrStaleToken) != tc.stale {
			t.Errorf("%+v: %v", tc, err)
		}
	}
	if stale, err := f.Stale(driver.Ref{UID: "u2"}); err != nil || stale {
		t.Errorf("of one that was never there: %v, %v", stale, err)
	}
}

func TestTakenPortsAreSkipped(t *testing.T) {
	f := cell(t, t.TempDir(), "one")
	l, err := net.Listen("tcp", "127.0.0.1:23000")
	if err != nil {
		t.Skipf("needs port 23000: %v", err)
	}
	defer func() { _ = l.Close() }()
	squatter, err := net.Listen("tcp", "127.99.0.1:25432")
	if err != nil {
		t.Skipf("needs more than one loopback address: %v", err)
	}
	defer func() { _ = squatter.Close() }()
	a, err := f.Reserve(t.Context(), claim(1))
	if err != nil || a.Ports["a.http"] == 23000 || a.Address == "127.99.0.1" {
		t.Errorf("given %+v, %v", a, err)
	}
}

func TestCollectForgetsRemovedInstances(t *testing.T) {
	dir := t.TempDir()
	one, two := cell(t, dir, "one"), cell(t, dir, "two")
	if _, err := one.Reserve(t.Context(), claim(1)); err != nil {
		t.Fatal(err)
	}
	seen := 0
	busy := func(Orphan) bool { seen++; return false }
	if err := two.Collect(t.Context(), busy); err != nil || seen != 0 {
		t.Errorf("asked for %d orphans of a living instance, %v", seen, err)
	}
	if err := os.RemoveAll(one.cfg.DataDir); err != nil {
		t.Fatal(err)
	}
	if err := two.Collect(t.Context(), busy); err != nil || seen != 1 {
		t.Errorf("asked for %d orphans, %v", seen, err)
	}
	if users, _, _, err := two.Elsewhere(); err != nil || users != 1 {
		t.Errorf("a busy orphan was forgotten: %d, %v", users, err)
	}
	if err := two.Collect(t.Context(), func(Orphan) bool { return true }); err != nil {
		t.Fatal(err)
	}
	if users, _, _, err := two.Elsewhere(); err != nil || users != 0 {
		t.Errorf("a free orphan was kept: %d, %v", users, err)
	}
}

// TestReturnGivesNothingTwice: each number that somebody else has by now keeps a
// stamp from being given back what it had.
func TestReturnGivesNothingTwice(t *testing.T) {
	for name, had := range map[string]func(a *Allocation){
		"user":    func(a *Allocation) { a.User = 300000 },
		"address": func(a *Allocation) { a.Address = "127.99.0.1" },
		"port":    func(a *Allocation) { a.Ports["c.http"] = 23000 },
	} {
		dir := t.TempDir()
		one, two := cell(t, dir, "one"), cell(t, dir, "two")
		if b, err := two.Reserve(t.Context(), claim(1)); err != nil || b.User != 300000 || b.Address != "127.99.0.1" || b.Ports["a.http"] != 23000 {
			t.Fatalf("given %+v, %v", b, err)
		}
		a := Allocation{Tenant: "away", UID: "u-away", User: 300003, Address: "127.99.0.5", Ports: map[string]int{"a.http": 23009}}
		had(&a)
		taken, err := one.Return(t.Context(), []Allocation{a})
		if _, has, findErr := one.Find("u-away"); err != nil || findErr != nil || has || len(taken) != 1 {
			t.Errorf("a taken %s: taken %+v, given back %v, %v, %v", name, taken, has, err, findErr)
		}
	}
}

// TestForeignContentIsRefused: whoever writes there says as whom stamps run.
func TestForeignContentIsRefused(t *testing.T) {
	for name, put := range map[string]func(dir string) error{
		"writable": func(dir string) error { return os.Chmod(dir, 0o777) },
		"foreign":  func(dir string) error { return os.Chown(dir, 300000, 300000) },
	} {
		dir := t.TempDir()
		if err := put(dir); err != nil {
			t.Logf("%s: %v", name, err) // only root gives directories away
			continue
		}
		if _, err := Open(Config{Dir: dir}); err == nil {
			t.Errorf("a directory that is %s is used", name)
		}
	}
	for _, text := range []string{`{"version":1,"instances":{"two":null}}`, `{"version":1,"next":{"User":-7}}`, `{"version":1,"inst`, `{"version":2}`} {
		dir := t.TempDir()
		f := cell(t, dir, "one")
		if err := os.WriteFile(filepath.Join(dir, "allocations.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if a, err := f.Reserve(t.Context(), claim(1)); err == nil {
			t.Errorf("%s: given %+v", text, a)
		}
		if _, _, _, err := f.Elsewhere(); err == nil {
			t.Errorf("%s: counted", text)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	cells := []*File{cell(t, dir, "one"), cell(t, dir, "two")}
	var mu sync.Mutex
	users := map[int]bool{}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			a, err := cells[i%2].Reserve(t.Context(), claim(i))
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
