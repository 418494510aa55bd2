package drivertest

import (
	"context"
	"errors"
	"fmt"
	"path"

	"stampworks.dev/services/provisioner/driver"
)

// waiting is a job of a that is under way: it waits for somebody to open it, and
// then notes that it got to its end.
type waiting struct {
	b        *bench
	ref      driver.Ref
	m        driver.Manifest
	job      driver.Job
	key, end string
}

func (b *bench) waiting(ref driver.Ref, m driver.Manifest, id string) waiting {
	data := m.Site.Volumes["a.data"]
	w := waiting{b: b, ref: ref, m: m, key: path.Join(data, id+".key"), end: path.Join(data, id+".end")}
	w.job = driver.Job{ID: id, Component: "a", Command: []string{ProgramName, "wait", path.Join(data, id+".at"), w.key, w.end}}
	return w
}

// ask asks for the job, and returns once it runs. What came of asking is told.
func (w waiting) ask(ctx context.Context, d driver.Driver) (told chan error) {
	w.b.t.Helper()
	told = make(chan error, 1)
	go w.call(ctx, d, told) // ends with the job, or the context
	w.b.eventually(w.job.ID+" runs", func() bool { return w.b.there(w.ref, w.m, path.Join(path.Dir(w.key), w.job.ID+".at")) })
	return told
}

func (w waiting) call(ctx context.Context, d driver.Driver, told chan<- error) {
	_, err := d.RunJob(ctx, w.ref, w.m, w.job)
	told <- err
}

// begin asks for the job and gives up waiting for it once it runs.
func (w waiting) begin(d driver.Driver) {
	w.b.t.Helper()
	ctx, giveUp := context.WithCancel(w.b.ctx)
	told := w.ask(ctx, d)
	giveUp()
	if err := <-told; !errors.Is(err, context.Canceled) {
		w.b.t.Errorf("%s = %v to who did not wait, want context.Canceled", w.job.ID, err)
	}
}

// open lets it come to its end.
func (w waiting) open() { w.b.run(w.ref, w.m, "put", w.key, "x") }

// ended says whether it came to its end.
func (w waiting) ended() bool { return w.b.there(w.ref, w.m, w.end) }

// mustGoOn checks that it still runs, and is the one that who asks again waits for.
func (w waiting) mustGoOn(d driver.Driver) {
	w.b.t.Helper()
	if w.ended() {
		w.b.t.Fatalf("%s ended by itself", w.job.ID)
	}
	w.open()
	r, err := d.RunJob(w.b.ctx, w.ref, w.m, w.job)
	w.b.must(err)
	if !w.ended() || r.ExitCode != 0 {
		w.b.t.Errorf("%s gave %+v, and came to its end: %v", w.job.ID, r, w.ended())
	}
}

// mustBeOver checks that it was ended: it does not come to its end though it is
// open, while another that is begun after that does.
func (w waiting) mustBeOver() {
	w.b.t.Helper()
	w.open()
	later := w.b.waiting(w.ref, w.m, w.job.ID+"-later")
	later.open()
	_, err := w.b.Driver.RunJob(w.b.ctx, later.ref, later.m, later.job)
	w.b.must(err)
	if !later.ended() || w.ended() {
		w.b.t.Errorf("%s ran on", w.job.ID)
	}
}

// run carries out one command of the suite's program, and leaves no record.
func (b *bench) run(ref driver.Ref, m driver.Manifest, command ...string) driver.JobResult {
	b.t.Helper()
	r, err := b.Driver.RunJob(b.ctx, ref, m, driver.Job{
		ID: "look", Component: "a", Command: append([]string{ProgramName}, command...), Unrecorded: true,
	})
	b.must(err)
	return r
}

func (b *bench) there(ref driver.Ref, m driver.Manifest, file string) bool {
	b.t.Helper()
	return b.run(ref, m, "get", file).ExitCode == 0
}

func jobOutlives(b *bench) {
	ref, m := b.reserve()
	w := b.waiting(ref, m, "a.migrate-1")
	w.begin(b.Driver)
	w.mustGoOn(b.Reopen(b.t))
}

func jobStopped(b *bench) {
	ref, m := b.started()
	w := b.waiting(ref, m, "a.backup-1")
	w.begin(b.Driver)
	b.must(b.Driver.Stop(b.ctx, ref, "a"))
	w.mustGoOn(b.Driver)
}

func endJobs(b *bench) {
	ref, m := b.started()
	before := b.observe(b.Driver, ref, "a")
	kept, other := b.waiting(ref, m, "a.migrate-2"), b.waiting(ref, m, "a.migrate-1")
	kept.begin(b.Driver)
	told := other.ask(b.ctx, b.Driver)
	b.must(b.Driver.EndJobs(b.ctx, ref, "a.migrate-2", "a.migrate-3"))
	other.mustBeOver()
	if err := <-told; err == nil {
		b.t.Error("who waits for a job that was ended got a result")
	}
	kept.mustGoOn(b.Driver)
	if after := b.observe(b.Driver, ref, "a"); !after.Running || after.PIDs[0] != before.PIDs[0] {
		b.t.Errorf("the component is %+v, was %+v", after, before)
	}
	r, err := b.Driver.RunJob(b.ctx, ref, m, other.job) // its key is there
	b.must(err)
	if r.ExitCode != 0 || !other.ended() {
		b.t.Errorf("asked again, what was ended gave %+v, and came to its end: %v", r, other.ended())
	}
}

// endJobsReopened: the next process ends what the one before had begun.
func endJobsReopened(b *bench) {
	ref, m := b.reserve()
	w := b.waiting(ref, m, "a.migrate-1")
	w.begin(b.Driver)
	next := ref
	next.Token++
	d := b.Reopen(b.t)
	b.must(d.EndJobs(b.ctx, next))
	w.ref = next
	w.mustBeOver()
	if _, err := b.Driver.RunJob(b.ctx, ref, m, w.job); !errors.Is(err, driver.ErrStaleToken) {
		b.t.Errorf("the former owner's RunJob = %v, want ErrStaleToken", err)
	}
}

func endJobsTwice(b *bench) {
	ref, m := b.reserve()
	done := b.job(ref, m, "a.setup-1", "unique")
	for i := range 2 {
		w := b.waiting(ref, m, fmt.Sprintf("a.migrate-%d", i))
		w.begin(b.Driver)
		for range 2 {
			b.must(b.Driver.EndJobs(b.ctx, ref))
		}
		w.mustBeOver()
	}
	if again := b.job(ref, m, "a.setup-1", "unique"); joined(again) != joined(done) {
		b.t.Errorf("the result of a job that had ended went: %q, was %q", joined(again), joined(done))
	}
}

func endJobsStale(b *bench) {
	ref, m := b.reserve()
	newer, older := ref, ref
	newer.Token, older.Token = 9, 8
	w := b.waiting(newer, m, "a.migrate-1")
	w.begin(b.Driver)
	if err := b.Driver.EndJobs(b.ctx, older); !errors.Is(err, driver.ErrStaleToken) {
		b.t.Errorf("EndJobs with an old token = %v, want ErrStaleToken", err)
	}
	w.mustGoOn(b.Driver)
}

func endJobsNowhere(b *bench) {
	b.must(b.Driver.EndJobs(b.ctx, b.ref()))
	ref, _ := b.started()
	b.must(b.Driver.Destroy(b.ctx, ref))
	b.must(b.Driver.EndJobs(b.ctx, ref))
}
