package drivertest

import (
	"errors"
	"reflect"
	"strings"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

func reserveTwice(b *bench) {
	ref, m := b.reserve()
	again, err := b.Driver.Reserve(b.ctx, ref, b.request())
	b.must(err)
	if !reflect.DeepEqual(m.Site, again) {
		b.t.Errorf("second Reserve gave another site:\n%+v\n%+v", m.Site, again)
	}
	for _, kind := range []string{"users", "files", "network", "cpu", "memory", "disk"} {
		if again.Isolation[kind] == "" {
			b.t.Errorf("isolation of %s is not said", kind)
		}
	}
	if again.PublicURL == "" || again.Volumes["a.data"] == "" || again.Files["b"] == "" || again.Tmp["a"] == "" || again.Backup == "" {
		b.t.Errorf("site lacks a part: %+v", again)
	}
}

func reserveApart(b *bench) {
	_, one := b.reserve()
	_, two := b.reserve()
	if one.Site.PublicURL == two.Site.PublicURL || one.Site.Dir == two.Site.Dir {
		b.t.Errorf("two stamps share a site: %+v %+v", one.Site, two.Site)
	}
	for name := range one.Site.Binds {
		if one.Site.Binds[name] == two.Site.Binds[name] {
			b.t.Errorf("two stamps share %s: %+v", name, one.Site.Binds[name])
		}
	}
}

func reserveEvil(b *bench) {
	for _, tenant := range []string{"", ".", "..", "../x", "a/b", "a\x00b", "A", "-a", strings.Repeat("a", 64)} {
		ref := b.ref()
		ref.Tenant = tenant
		if _, err := b.Driver.Reserve(b.ctx, ref, b.request()); !errs.Is(err, errs.InvalidArgument) {
			b.t.Errorf("Reserve(tenant %q) = %v, want InvalidArgument", tenant, err)
		}
	}
	ref := b.ref()
	ref.UID = "../../etc"
	if _, err := b.Driver.Reserve(b.ctx, ref, b.request()); !errs.Is(err, errs.InvalidArgument) {
		b.t.Errorf("Reserve(uid %q) = %v, want InvalidArgument", ref.UID, err)
	}
}

func ensureTwice(b *bench) {
	ref, m := b.started()
	before := b.observe(b.Driver, ref, "a")
	if want, _ := m.Digest("a"); !before.Running || before.Digest != want || len(before.PIDs) != 1 {
		b.t.Fatalf("after Ensure: %+v, want it running with digest %s", before, want)
	}
	b.must(b.Driver.Ensure(b.ctx, ref, m, "a"))
	if after := b.observe(b.Driver, ref, "a"); !reflect.DeepEqual(after, before) {
		b.t.Errorf("second Ensure touched it: %+v, was %+v", after, before)
	}
}

func ensureChanged(b *bench) {
	ref, m := b.started()
	before := b.observe(b.Driver, ref, "a")
	changed := with(m, "serve", "hello again")
	b.must(b.Driver.Ensure(b.ctx, ref, changed, "a"))
	after := b.observe(b.Driver, ref, "a")
	if want, _ := changed.Digest("a"); !after.Running || after.Digest != want || after.PIDs[0] == before.PIDs[0] {
		b.t.Errorf("after a change: %+v, was %+v", after, before)
	}
}

func ensureOthers(b *bench) {
	ref, m := b.started()
	before := b.observe(b.Driver, ref, "a")
	changed := with(m, "serve", "hello again")
	b.must(b.Driver.Ensure(b.ctx, ref, changed, "b"))
	if after := b.observe(b.Driver, ref, "a"); !reflect.DeepEqual(after, before) {
		b.t.Errorf("Ensure of b touched a: %+v, was %+v", after, before)
	}
}

func ensureNoSite(b *bench) {
	_, m := b.reserve()
	other := b.ref()
	m.Tenant, m.UID = other.Tenant, other.UID
	if err := b.Driver.Ensure(b.ctx, other, m, "a"); !errs.Is(err, errs.FailedPrecondition) {
		b.t.Errorf("Ensure without Reserve = %v, want FailedPrecondition", err)
	}
	ref, m := b.reserve()
	if err := b.Driver.Ensure(b.ctx, ref, m, "nosuch"); !errs.Is(err, errs.InvalidArgument) {
		b.t.Errorf("Ensure of no component = %v, want InvalidArgument", err)
	}
}

func ensureStopped(b *bench) {
	ref, m := b.started()
	c := m.Components["b"]
	c.Stopped = true
	m.Components["b"] = c
	b.must(b.Driver.Ensure(b.ctx, ref, m, "b"))
	if o := b.observe(b.Driver, ref, "b"); o.Running || len(o.PIDs) != 0 {
		b.t.Errorf("wished stopped, but %+v", o)
	}
	c.Stopped = false
	m.Components["b"] = c
	b.must(b.Driver.Ensure(b.ctx, ref, m, "b"))
	if o := b.observe(b.Driver, ref, "b"); !o.Running {
		b.t.Errorf("wished running again, but %+v", o)
	}
}

func ensureReplicas(b *bench) {
	ref, m := b.started()
	c := m.Components["b"]
	c.Replicas = 3
	m.Components["b"] = c
	b.must(b.Driver.Ensure(b.ctx, ref, m, "b"))
	if o := b.observe(b.Driver, ref, "b"); !o.Running {
		b.t.Errorf("with three replicas: %+v", o)
	}
}

func stopTwice(b *bench) {
	ref, m := b.started()
	for range 2 {
		b.must(b.Driver.Stop(b.ctx, ref, "a"))
		if o := b.observe(b.Driver, ref, "a"); o.Running || len(o.PIDs) != 0 {
			b.t.Fatalf("after Stop: %+v", o)
		}
	}
	b.must(b.Driver.Stop(b.ctx, ref, "nosuch"))
	if o := b.observe(b.Driver, ref, "b"); !o.Running {
		b.t.Errorf("Stop of a ended b: %+v", o)
	}
	b.must(b.Driver.Ensure(b.ctx, ref, m, "a"))
	if o := b.observe(b.Driver, ref, "a"); !o.Running {
		b.t.Errorf("after Stop and Ensure: %+v", o)
	}
}

func staleToken(b *bench) {
	ref, m := b.started()
	newer, older := ref, ref
	newer.Token, older.Token = 9, 8
	b.must(b.Driver.Ensure(b.ctx, newer, m, "a"))
	_, reserveErr := b.Driver.Reserve(b.ctx, older, b.request())
	_, jobErr := b.Driver.RunJob(b.ctx, older, m, driver.Job{ID: "stale", Component: "a", Command: []string{ProgramName, "unique"}})
	for verb, err := range map[string]error{
		"Reserve": reserveErr,
		"Ensure":  b.Driver.Ensure(b.ctx, older, m, "a"),
		"Stop":    b.Driver.Stop(b.ctx, older, "a"),
		"RunJob":  jobErr,
		"EndJobs": b.Driver.EndJobs(b.ctx, older),
		"Destroy": b.Driver.Destroy(b.ctx, older),
	} {
		if !errors.Is(err, driver.ErrStaleToken) {
			b.t.Errorf("%s with an old token = %v, want ErrStaleToken", verb, err)
		}
	}
	if o := b.observe(b.Driver, ref, "a"); !o.Running {
		b.t.Errorf("a stale call did harm: %+v", o)
	}
	_, err := b.Reopen(b.t).Reserve(b.ctx, older, b.request())
	if !errors.Is(err, driver.ErrStaleToken) {
		b.t.Errorf("Reserve with an old token after a crash = %v, want ErrStaleToken", err)
	}
}

func destroyTwice(b *bench) {
	ref, _ := b.started()
	for range 2 {
		b.must(b.Driver.Destroy(b.ctx, ref))
		o, err := b.Driver.Observe(b.ctx, ref)
		b.must(err)
		if o.Exists || len(o.Components) != 0 {
			b.t.Fatalf("after Destroy: %+v", o)
		}
	}
	b.must(b.Driver.Destroy(b.ctx, b.ref()))
	b.must(b.Driver.Stop(b.ctx, ref, "a"))
	_, err := b.Driver.Reserve(b.ctx, ref, b.request())
	b.must(err)
}

func destroyedStale(b *bench) {
	ref, m := b.started()
	b.must(b.Driver.Destroy(b.ctx, ref))
	older := ref
	older.Token--
	if _, err := b.Driver.Reserve(b.ctx, older, b.request()); !errors.Is(err, driver.ErrStaleToken) {
		b.t.Errorf("Reserve with an old token after Destroy = %v, want ErrStaleToken", err)
	}
	if err := b.Driver.Ensure(b.ctx, older, m, "a"); err == nil {
		b.t.Error("Ensure with an old token after Destroy was carried out")
	}
}

// halfDestroyed gives a stamp whose destruction stopped half-way: nothing of it
// runs any more, and nothing is started.
func (b *bench) halfDestroyed() (driver.Ref, func()) {
	b.t.Helper()
	ref, m := b.started()
	what, release := b.Pin(b.t, m.Site, ref)
	err := b.Driver.Destroy(b.ctx, ref)
	if err == nil || !strings.Contains(err.Error(), what) {
		b.t.Fatalf("Destroy of what cannot be removed = %v, want it to name %s", err, what)
	}
	o, err := b.Driver.Observe(b.ctx, ref)
	b.must(err)
	for name, c := range o.Components {
		if c.Running {
			b.t.Errorf("%s runs on: %+v", name, c)
		}
	}
	if err := b.Driver.Ensure(b.ctx, ref, m, "a"); err == nil {
		b.t.Error("a stamp that is being destroyed was started again")
	}
	older := ref
	older.Token--
	b.must(b.Driver.EndJobs(b.ctx, ref))
	if err := b.Driver.Destroy(b.ctx, older); !errors.Is(err, driver.ErrStaleToken) {
		b.t.Errorf("Destroy with an old token = %v, want ErrStaleToken", err)
	}
	if err := b.Driver.Destroy(b.ctx, ref); err == nil || !strings.Contains(err.Error(), what) {
		b.t.Errorf("Destroy again = %v, want it to name %s", err, what)
	}
	return ref, release
}

// mustGoOn destroys what was destroyed half-way.
func (b *bench) mustGoOn(d driver.Driver, ref driver.Ref) {
	b.t.Helper()
	b.must(d.Destroy(b.ctx, ref))
	o, err := d.Observe(b.ctx, ref)
	b.must(err)
	if o.Exists {
		b.t.Errorf("after Destroy: %+v", o)
	}
	b.must(d.Destroy(b.ctx, ref))
}

func destroyHalfWay(b *bench) {
	ref, release := b.halfDestroyed()
	release()
	b.mustGoOn(b.Driver, ref)
}

func destroyHalfWayReopen(b *bench) {
	ref, release := b.halfDestroyed()
	next := b.Reopen(b.t)
	release()
	ref.Token++ // the next owner's
	b.mustGoOn(next, ref)
}

func destroyKilled(b *bench) {
	ref, _ := b.started()
	b.Kill(b.t, ref, "a")
	b.mustGoOn(b.Driver, ref)
}

func observeNothing(b *bench) {
	o, err := b.Driver.Observe(b.ctx, b.ref())
	b.must(err)
	if o.Exists {
		b.t.Errorf("a stamp that was never made: %+v", o)
	}
}

func observeKilled(b *bench) {
	ref, m := b.started()
	other := b.observe(b.Driver, ref, "b")
	b.Kill(b.t, ref, "a")
	b.eventually("the kill is seen", func() bool {
		o := b.observe(b.Driver, ref, "a")
		return !o.Running || o.Restarts > 0
	})
	b.must(b.Driver.Ensure(b.ctx, ref, m, "a"))
	b.eventually("it runs again", func() bool {
		o := b.observe(b.Driver, ref, "a")
		return o.Running && o.Restarts > 0 && strings.Contains(o.LastExit, "killed")
	})
	if o := b.observe(b.Driver, ref, "b"); !reflect.DeepEqual(o, other) {
		b.t.Errorf("killing a touched b: %+v, was %+v", o, other)
	}
}

func reopenAdopts(b *bench) {
	ref, m := b.started()
	job := driver.Job{ID: "once", Component: "a", Command: []string{ProgramName, "unique"}}
	first, err := b.Driver.RunJob(b.ctx, ref, m, job)
	b.must(err)
	before := b.observe(b.Driver, ref, "a")
	next := b.Reopen(b.t)
	if after := b.observe(next, ref, "a"); !reflect.DeepEqual(after, before) {
		b.t.Errorf("after a crash: %+v, was %+v", after, before)
	}
	b.must(next.Ensure(b.ctx, ref, m, "a"))
	if after := b.observe(next, ref, "a"); !reflect.DeepEqual(after, before) {
		b.t.Errorf("Ensure after a crash touched it: %+v, was %+v", after, before)
	}
	again, err := next.RunJob(b.ctx, ref, m, job)
	b.must(err)
	if joined(again) != joined(first) {
		b.t.Errorf("job ran twice: %q, then %q", joined(first), joined(again))
	}
	site, err := next.Reserve(b.ctx, ref, b.request())
	b.must(err)
	if !reflect.DeepEqual(site, m.Site) {
		b.t.Errorf("after a crash Reserve gave another site: %+v, was %+v", site, m.Site)
	}
}

// reopenGoesOn: a crash between what was written down and what was to be done.
func reopenGoesOn(b *bench) {
	ref, m := b.reserve()
	next := b.Reopen(b.t)
	b.must(next.Ensure(b.ctx, ref, m, "a"))
	b.must(b.Reopen(b.t).Ensure(b.ctx, ref, m, "b"))
	for _, name := range []string{"a", "b"} {
		if o := b.observe(next, ref, name); !o.Running || o.Restarts != 0 {
			b.t.Errorf("%s after crashes: %+v", name, o)
		}
	}
	b.must(b.Reopen(b.t).Stop(b.ctx, ref, "a"))
	if o := b.observe(next, ref, "a"); o.Running {
		b.t.Errorf("stopped after a crash: %+v", o)
	}
}

// capacityExhausted: who finds no room is told of what there is none, and takes
// nothing.
func capacityExhausted(b *bench) {
	d := b.Small(b.t)
	first, second := b.ref(), b.ref()
	_, err := d.Reserve(b.ctx, first, b.request())
	b.must(err)
	for range 2 {
		if _, err = d.Reserve(b.ctx, second, b.request()); !errs.Is(err, errs.ResourceExhausted) || !strings.HasSuffix(errs.ReasonOf(err), "_EXHAUSTED") {
			b.t.Fatalf("Reserve in a full cell = %v, want ResourceExhausted that names the resource", err)
		}
	}
	_, err = d.Reserve(b.ctx, first, b.request())
	b.must(err) // it has its own
	b.must(d.Destroy(b.ctx, second))
	b.must(d.Destroy(b.ctx, first))
	_, err = d.Reserve(b.ctx, second, b.request())
	b.must(err)
	b.must(d.Destroy(b.ctx, second))
}

func capacity(b *bench) {
	c, err := b.Driver.Capacity(b.ctx)
	b.must(err)
	for _, name := range []string{"cpu_millis", "memory_bytes", "disk_bytes", "addresses", "ports", "users", "stamps"} {
		if c.Allocatable[name] <= 0 {
			b.t.Errorf("capacity of %s is %d", name, c.Allocatable[name])
		}
	}
}
