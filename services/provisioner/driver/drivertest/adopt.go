package drivertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// adopter skips the test when the driver's stamps cannot be taken over.
func (b *bench) adopter() driver.Adopter {
	b.t.Helper()
	a, ok := b.Driver.(driver.Adopter)
	if !ok {
		b.t.Skip("the driver's stamps cannot be taken over")
	}
	return a
}

// known gives a stamp that knows how its tenant is made again.
func (b *bench) known() (driver.Ref, driver.Manifest) {
	b.t.Helper()
	ref, m := b.reserve()
	m.Recovery = &driver.Recovery{
		Cell: "one", Tenant: json.RawMessage(`{"displayName":"Acme"}`),
		Sealed: map[string][]byte{"db@1": {0, 1}, "db@2": {0, 2}}, Versions: map[string]int32{"db": 2},
	}
	b.must(b.Driver.Ensure(b.ctx, ref, m, "a"))
	return ref, m
}

func adoptTakesOver(b *bench) {
	a := b.adopter()
	ref, m := b.known()
	before := b.observe(b.Driver, ref, "a")
	lower := ref
	lower.Token = 3
	b.taken = "r-1"
	for range 2 {
		got, err := a.Adopt(b.ctx, lower, "r-1")
		b.must(err)
		if r := got.Manifest.Recovery; r == nil || r.Cell != "one" || r.Versions["db"] != 2 || !bytes.Equal(r.Sealed["db@2"], []byte{0, 2}) || len(r.Sealed) != 2 || !slices.Equal(got.Ran, []string{"a"}) || !slices.Equal(got.Serves, got.Ran) {
			b.t.Errorf("adopted %+v", got)
		}
	}
	lower.Recovery = b.taken
	m.Recovery = nil
	b.must(b.Driver.Ensure(b.ctx, lower, m, "a"))
	if after := b.observe(b.Driver, ref, "a"); !slices.Equal(after.PIDs, before.PIDs) || !after.Running {
		b.t.Errorf("taking over made %+v of %+v", after, before)
	}
	m.Generation++
	b.must(b.Driver.Ensure(b.ctx, lower, m, "b"))
	got, err := a.Adopt(b.ctx, lower, "r-1")
	b.must(err)
	if r := got.Manifest.Recovery; r == nil || r.Cell != "one" || !slices.Equal(got.Ran, []string{"a", "b"}) {
		b.t.Errorf("a wish without a recovery left %+v", got)
	}
	b.must(b.Driver.Stop(b.ctx, lower, "b"))
	m = with(m, "serve", "changed")
	m.Generation++
	b.must(b.Driver.Ensure(b.ctx, lower, m, "b")) // a is not yet as the manifest says
	if got, err = a.Adopt(b.ctx, lower, "r-1"); err != nil || !slices.Equal(got.Ran, []string{"a", "b"}) || !slices.Equal(got.Serves, []string{"b"}) {
		b.t.Errorf("of what changes: %v, %+v", err, got)
	}
}

func adoptOnceEach(b *bench) {
	a := b.adopter()
	ref, m := b.known()
	newer, older := ref, ref
	newer.Token, older.Token = 5, 4
	for _, next := range []string{"r-1", "r-2"} {
		_, err := a.Adopt(b.ctx, newer, next)
		b.must(err)
		b.taken, newer.Recovery, older.Recovery = next, next, next
		if _, err := a.Adopt(b.ctx, older, next); !errors.Is(err, driver.ErrStaleToken) {
			b.t.Errorf("Adopt for %s again with a lower token = %v, want ErrStaleToken", next, err)
		}
		if err := b.Driver.Ensure(b.ctx, older, m, "a"); !errors.Is(err, driver.ErrStaleToken) {
			b.t.Errorf("Ensure with a lower token = %v, want ErrStaleToken", err)
		}
		newer.Token, older.Token = 3, 2
	}
}

// adoptKeepsOut: whoever owned the stamp before is out, whatever its token.
func adoptKeepsOut(b *bench) {
	a := b.adopter()
	before, m := b.known()
	before.Token = 50
	b.must(b.Driver.Ensure(b.ctx, before, m, "a"))
	owner := before
	for i, next := range []string{"r-1", "r-2", "r-3"} {
		owner.Token = int64(3 - i)
		_, err := a.Adopt(b.ctx, owner, next)
		b.must(err)
		b.taken, owner.Recovery = next, next
		late := before
		late.Token = 60
		for verb, call := range map[string]func() error{
			"Reserve": func() error { _, err := b.Driver.Reserve(b.ctx, late, b.request()); return err },
			"Ensure":  func() error { return b.Driver.Ensure(b.ctx, late, m, "a") },
			"Stop":    func() error { return b.Driver.Stop(b.ctx, late, "a") },
			"RunJob": func() error {
				_, err := b.Driver.RunJob(b.ctx, late, m, driver.Job{ID: "a.late", Component: "a", Command: []string{ProgramName, "unique"}})
				return err
			},
			"Destroy": func() error { return b.Driver.Destroy(b.ctx, late) },
		} {
			if err := call(); !errors.Is(err, driver.ErrStaleToken) {
				b.t.Errorf("%s of the owner before %s = %v, want ErrStaleToken", verb, next, err)
			}
		}
		b.must(b.Driver.Ensure(b.ctx, owner, m, "a"))
		if late.Recovery == "" {
			before = owner
			continue
		}
		if _, err := a.Adopt(b.ctx, late, late.Recovery); !errors.Is(err, driver.ErrStaleToken) {
			b.t.Errorf("Adopt for %s after %s = %v, want ErrStaleToken", late.Recovery, next, err)
		}
		b.must(b.Driver.Ensure(b.ctx, owner, m, "a"))
		before = owner
	}
}

// adoptDestroyed: nor does it bring back what was destroyed since; who destroyed
// it, does.
func adoptDestroyed(b *bench) {
	a := b.adopter()
	before, _ := b.known()
	owner := before
	owner.Token = 3
	_, err := a.Adopt(b.ctx, owner, "r-1")
	b.must(err)
	b.taken, owner.Recovery = "r-1", "r-1"
	b.must(b.Driver.Destroy(b.ctx, owner))
	older, other := owner, owner
	older.Token, other.Recovery = 2, "r-2"
	for who, ref := range map[string]driver.Ref{"the owner before the loss": before, "a lower token": older, "a recovery that took nothing over": other} {
		if _, err := b.Driver.Reserve(b.ctx, ref, b.request()); !errors.Is(err, driver.ErrStaleToken) {
			b.t.Errorf("Reserve by %s after Destroy = %v, want ErrStaleToken", who, err)
		}
		if err := b.Driver.Destroy(b.ctx, ref); !errors.Is(err, driver.ErrStaleToken) {
			b.t.Errorf("Destroy by %s after Destroy = %v, want ErrStaleToken", who, err)
		}
	}
	b.must(b.Driver.Destroy(b.ctx, owner))
	_, err = b.Driver.Reserve(b.ctx, owner, b.request())
	b.must(err)
}

func adoptForgetsJobs(b *bench) {
	a := b.adopter()
	ref, m := b.known()
	before := joined(b.job(ref, m, "a.backup-1", "unique"))
	_, err := a.Adopt(b.ctx, ref, "r-1")
	b.must(err)
	b.taken, ref.Recovery = "r-1", "r-1"
	if after := joined(b.job(ref, m, "a.backup-1", "unique")); after == before {
		b.t.Errorf("a job's result of before was given again: %q", after)
	}
}

// adoptLists: a control plane that knows nothing finds the stamp, and what it is
// told later of the tenant alone restarts nothing.
func adoptLists(b *bench) {
	a := b.adopter()
	ref, m := b.known()
	before := b.observe(b.Driver, ref, "a")
	m.Recovery.Tenant = json.RawMessage(`{"displayName":"Acme & Sons"}`)
	b.must(b.Driver.Ensure(b.ctx, ref, m, "a"))
	all, err := a.Manifests(b.ctx)
	b.must(err)
	at := slices.IndexFunc(all, func(one driver.Manifest) bool { return one.UID == ref.UID })
	if at < 0 {
		b.t.Fatalf("not among %d manifests", len(all))
	}
	var said map[string]string
	b.must(json.Unmarshal(all[at].Recovery.Tenant, &said))
	if all[at].Tenant != ref.Tenant || all[at].Generation != m.Generation || said["displayName"] != "Acme & Sons" {
		b.t.Errorf("listed %+v, tenant %v", all[at], said)
	}
	known := driver.Manifest{Tenant: m.Tenant, UID: m.UID, Generation: m.Generation + 1, Revision: "blueprints/x/revisions/9", Recovery: m.Recovery}
	for range 2 {
		b.must(a.Remember(b.ctx, ref, known))
	}
	all, err = a.Manifests(b.ctx)
	b.must(err)
	if is := all[at]; is.Generation != known.Generation || is.Revision != known.Revision || is.Recovery == nil || len(is.Components) != len(m.Components) {
		b.t.Errorf("remembers %+v", is)
	}
	if after := b.observe(b.Driver, ref, "a"); !slices.Equal(after.PIDs, before.PIDs) {
		b.t.Errorf("processes %v, before %v", after.PIDs, before.PIDs)
	}
	b.must(b.Driver.Destroy(b.ctx, ref))
	all, err = a.Manifests(b.ctx)
	b.must(err)
	if slices.ContainsFunc(all, func(one driver.Manifest) bool { return one.UID == ref.UID }) {
		b.t.Error("a destroyed stamp is listed")
	}
}

func adoptNothing(b *bench) {
	a := b.adopter()
	if _, err := a.Adopt(b.ctx, b.ref(), "r-1"); !errs.Is(err, errs.NotFound) {
		b.t.Errorf("Adopt of nothing = %v, want NotFound", err)
	}
}

func backupsListed(b *bench) {
	a, k := b.adopter(), b.keeper()
	ref, m, of := b.kept(k)
	b.put(ref, m, "dump", "more")
	second, err := k.KeepBackup(b.ctx, ref, "b-2", json.RawMessage(`{"reason":"ON_DEMAND"}`))
	b.must(err)
	all, err := a.KeptBackups(b.ctx, ref.Tenant, ref.UID)
	b.must(err)
	slices.SortFunc(all, func(x, y driver.KeptBackup) int { return len(x.Note) - len(y.Note) })
	if len(all) != 2 || all[0].ID != of.ID || all[0].Digest != of.Digest || all[0].Note != nil ||
		all[1].ID != "b-2" || all[1].UID != ref.UID || all[1].Kept != second || string(all[1].Note) != `{"reason":"ON_DEMAND"}` {
		b.t.Errorf("listed %+v", all)
	}
	b.must(k.DropBackup(b.ctx, driver.BackupRef{Tenant: ref.Tenant, UID: ref.UID, ID: "b-2"}))
	if none, err := a.KeptBackups(b.ctx, ref.Tenant, "another"); err != nil || len(none) != 0 {
		b.t.Errorf("of another uid: %+v, %v", none, err)
	}
}
