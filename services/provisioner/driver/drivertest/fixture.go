package drivertest

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stampworks.dev/services/provisioner/driver"
)

// Fixture is one empty cell to test in.
type Fixture struct {
	Driver driver.Driver
	// Reopen gives the driver that the next process would have, after the one
	// of Driver was lost without a word.
	Reopen func(t *testing.T) driver.Driver
	// Kill ends a component's processes from outside, as kill -9 does.
	Kill func(t *testing.T, ref driver.Ref, component string)
	// Damage changes a kept backup, as a bad disk does. Only of a
	// [driver.Keeper].
	Damage func(t *testing.T, of driver.BackupRef)
	// Pin lets nobody remove something of the stamp until it is released, as a
	// busy mount does.
	Pin func(t *testing.T, site driver.Site, ref driver.Ref) (what string, release func())
	// Small gives a driver whose cell has room for one stamp.
	Small func(t *testing.T) driver.Driver
	// Artifact is the suite's program.
	Artifact driver.Artifact
}

// bench is a fixture with the few things that every test does.
type bench struct {
	Fixture
	t   *testing.T
	ctx context.Context
	// taken is the recovery that its stamp was last taken over for.
	taken string
}

var tenants atomic.Int64

// Run runs the whole suite, each test in a cell of its own.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	t.Helper()
	for _, one := range []struct {
		name string
		run  func(*bench)
	}{
		{"ReserveTwiceGivesTheSameSite", reserveTwice},
		{"ReserveKeepsStampsApart", reserveApart},
		{"ReserveRefusesEvilNames", reserveEvil},
		{"EnsureTwiceTouchesNothing", ensureTwice},
		{"EnsureRestartsWhatChanged", ensureChanged},
		{"EnsureLeavesOthersAlone", ensureOthers},
		{"EnsureNeedsASite", ensureNoSite},
		{"EnsureStoppedDoesNotRun", ensureStopped},
		{"EnsureRunsReplicas", ensureReplicas},
		{"StopTwice", stopTwice},
		{"StaleTokenIsRefused", staleToken},
		{"DestroyTwice", destroyTwice},
		{"DestroyedIsRefusedToStale", destroyedStale},
		{"DestroyHalfWayThenAgain", destroyHalfWay},
		{"DestroyHalfWayThenReopen", destroyHalfWayReopen},
		{"DestroyAfterAKill", destroyKilled},
		{"ObserveNeverMade", observeNothing},
		{"ObserveKilled", observeKilled},
		{"JobRunsOnce", jobOnce},
		{"JobFails", jobFails},
		{"JobTimesOut", jobTimesOut},
		{"JobUnrecordedRunsAgain", jobUnrecorded},
		{"JobAskedTwiceAtOnce", jobAtOnce},
		{"JobFreshBeginsOnEmptyVolumes", jobFresh},
		{"JobFreshKeepsWhatRan", jobFreshRan},
		{"JobAfterReopen", jobReopened},
		{"JobOutlivesWhoAsked", jobOutlives},
		{"JobIsNotEndedByStop", jobStopped},
		{"EndJobsEndsWhatIsUnderWay", endJobs},
		{"EndJobsOfWhoIsGone", endJobsReopened},
		{"EndJobsTwice", endJobsTwice},
		{"EndJobsStaleTokenIsRefused", endJobsStale},
		{"EndJobsOfNoStamp", endJobsNowhere},
		{"ReopenAdopts", reopenAdopts},
		{"ReopenGoesOn", reopenGoesOn},
		{"LogsTail", logsTail},
		{"LogsFollow", logsFollow},
		{"LogsOfWhatEnded", logsEnded},
		{"Capacity", capacity},
		{"CapacityExhaustedIsNamed", capacityExhausted},
		{"BackupKeptOnce", backupKeptOnce},
		{"BackupEmptyIsRefused", backupEmpty},
		{"BackupClearedTwice", backupCleared},
		{"BackupComesBack", backupComesBack},
		{"BackupOfAnotherTenant", backupOfAnother},
		{"BackupOutlivesItsStamp", backupOutlives},
		{"BackupDamaged", backupDamaged},
		{"BackupMissing", backupMissing},
		{"BackupDroppedTwice", backupDropped},
		{"BackupStaleTokenIsRefused", backupStale},
		{"BackupNeedsASite", backupNoSite},
		{"BackupRefusesEvilNames", backupEvil},
		{"ReopenKeepsBackups", reopenKeeps},
		{"AdoptTakesOverWhatRuns", adoptTakesOver},
		{"AdoptOnceForEachRecovery", adoptOnceEach},
		{"AdoptKeepsFormerOwnersOut", adoptKeepsOut},
		{"AdoptThenDestroyKeepsFormerOwnersOut", adoptDestroyed},
		{"AdoptForgetsJobs", adoptForgetsJobs},
		{"AdoptListsWhatThereIs", adoptLists},
		{"AdoptNothing", adoptNothing},
		{"BackupsAreListed", backupsListed},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			one.run(&bench{Fixture: open(t), t: t, ctx: ctx})
		})
	}
}

// ref names a new tenant.
func (b *bench) ref() driver.Ref {
	n := tenants.Add(1)
	return driver.Ref{Tenant: fmt.Sprintf("t%d", n), UID: fmt.Sprintf("uid-%d-%d", time.Now().UnixNano(), n), Token: 7}
}

// request asks for a site with the components a and b.
func (b *bench) request() driver.SiteRequest {
	return driver.SiteRequest{
		Ports: map[string]int{"a.http": 18080, "b.sql": 15432}, Endpoint: "a.http",
		Artifacts:  map[string]driver.Artifact{ProgramName: b.Artifact},
		Components: map[string][]string{"a": {"data"}, "b": nil},
	}
}

// reserve gives a new stamp's manifest: a and b serve. It is destroyed when
// the test ends.
func (b *bench) reserve() (driver.Ref, driver.Manifest) {
	b.t.Helper()
	ref := b.ref()
	site, err := b.Driver.Reserve(b.ctx, ref, b.request())
	b.must(err)
	b.t.Cleanup(func() {
		last := ref
		last.Token, last.Recovery = 1<<40, b.taken
		if err := b.Driver.Destroy(context.Background(), last); err != nil {
			b.t.Errorf("destroy %s: %v", ref.Tenant, err)
		}
	})
	return ref, driver.Manifest{
		Tenant: ref.Tenant, UID: ref.UID, Generation: 1, Revision: "r1", Site: site,
		Components: map[string]driver.Component{
			"a": {Artifact: ProgramName, Command: []string{ProgramName, "serve", "hello", "from", "a"}, Volumes: []string{"data"}},
			"b": {Artifact: ProgramName, Command: []string{ProgramName, "serve", "hello from b"}},
		},
	}
}

// started gives a stamp whose a and b run.
func (b *bench) started() (driver.Ref, driver.Manifest) {
	b.t.Helper()
	ref, m := b.reserve()
	b.must(b.Driver.Ensure(b.ctx, ref, m, "a"))
	b.must(b.Driver.Ensure(b.ctx, ref, m, "b"))
	return ref, m
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) observe(d driver.Driver, ref driver.Ref, component string) driver.ComponentObservation {
	b.t.Helper()
	o, err := d.Observe(b.ctx, ref)
	b.must(err)
	return o.Components[component]
}

// eventually waits for a condition for at most ten seconds.
func (b *bench) eventually(what string, true_ func() bool) {
	b.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !true_() {
		if time.Now().After(deadline) {
			b.t.Fatalf("after 10 s still not: %s", what)
		}
		<-tick.C
	}
}

// with gives the manifest with component a's command replaced.
func with(m driver.Manifest, command ...string) driver.Manifest {
	all := map[string]driver.Component{}
	for name, c := range m.Components {
		all[name] = c
	}
	c := all["a"]
	c.Command = append([]string{ProgramName}, command...)
	all["a"], m.Components = c, all
	return m
}

func joined(r driver.JobResult) string { return strings.Join(r.Output, "\n") }
