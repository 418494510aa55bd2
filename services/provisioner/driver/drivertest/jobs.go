package drivertest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"time"

	"stampworks.dev/services/provisioner/driver"
)

// job runs one command of the suite's program in the place of a.
func (b *bench) job(ref driver.Ref, m driver.Manifest, id string, command ...string) driver.JobResult {
	b.t.Helper()
	r, err := b.Driver.RunJob(b.ctx, ref, m, driver.Job{
		ID: id, Component: "a", Command: append([]string{ProgramName}, command...),
		Env: map[string]string{"ANSWER": "42"},
	})
	b.must(err)
	return r
}

func jobOnce(b *bench) {
	ref, m := b.reserve()
	one, two := b.job(ref, m, "a.setup-1", "unique"), b.job(ref, m, "a.setup-1", "unique")
	if joined(one) == "" || joined(one) != joined(two) {
		b.t.Errorf("the same ID ran twice: %q, then %q", joined(one), joined(two))
	}
	if other := b.job(ref, m, "a.setup-2", "unique"); joined(other) == joined(one) {
		b.t.Errorf("another ID did not run: %q", joined(other))
	}
	if got := joined(b.job(ref, m, "env", "env", "ANSWER")); got != "42" {
		b.t.Errorf("the job's variable is %q, want 42", got)
	}
	if one.ExitCode != 0 || one.TimedOut || one.Started.IsZero() {
		b.t.Errorf("result %+v", one)
	}
}

func jobFails(b *bench) {
	ref, m := b.reserve()
	r := b.job(ref, m, "fails", "exit", "3", "the reason")
	if r.ExitCode != 3 || joined(r) != "the reason" {
		b.t.Errorf("result %+v, want exit code 3 and its output", r)
	}
	lines := strings.Fields(strings.Repeat("line ", 30))
	if r := b.job(ref, m, "long", append([]string{"exit", "0"}, lines...)...); len(r.Output) != 20 {
		b.t.Errorf("kept %d lines of the output, want 20", len(r.Output))
	}
}

func jobTimesOut(b *bench) {
	ref, m := b.reserve()
	r, err := b.Driver.RunJob(b.ctx, ref, m, driver.Job{
		ID: "slow", Component: "a", Command: []string{ProgramName, "serve"}, Timeout: 300 * time.Millisecond,
	})
	b.must(err)
	if !r.TimedOut {
		b.t.Errorf("result %+v, want it timed out", r)
	}
}

func jobUnrecorded(b *bench) {
	ref, m := b.reserve()
	probe := driver.Job{ID: "probe", Component: "a", Command: []string{ProgramName, "unique"}, Unrecorded: true}
	one, err := b.Driver.RunJob(b.ctx, ref, m, probe)
	b.must(err)
	two, err := b.Driver.RunJob(b.ctx, ref, m, probe)
	b.must(err)
	if joined(one) == joined(two) {
		b.t.Errorf("an unrecorded job ran once only: %q", joined(one))
	}
}

func jobAtOnce(b *bench) {
	ref, m := b.reserve()
	results := make([]string, 4)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() {
			r, err := b.Driver.RunJob(b.ctx, ref, m, driver.Job{ID: "shared", Component: "a", Command: []string{ProgramName, "unique"}})
			if err != nil {
				b.t.Error(err)
			}
			results[i] = joined(r)
		})
	}
	all.Wait()
	for _, r := range results {
		if r == "" || r != results[0] {
			b.t.Errorf("one job asked for four times at once gave %q", results)
		}
	}
}

// fresh runs a command of a, as its setup.
func (b *bench) fresh(ref driver.Ref, m driver.Manifest, id string, command ...string) driver.JobResult {
	b.t.Helper()
	r, err := b.Driver.RunJob(b.ctx, ref, m, driver.Job{
		ID: id, Component: "a", Command: append([]string{ProgramName}, command...), Fresh: true,
	})
	b.must(err)
	return r
}

func jobFresh(b *bench) {
	ref, m := b.reserve()
	file := path.Join(m.Site.Volumes["a.data"], "pg", "half")
	b.fresh(ref, m, "a.setup-1", "put", file, "x")
	b.fresh(ref, m, "a.setup-1", "put", file, "x") // recorded: runs nothing
	if got := joined(b.job(ref, m, "look-1", "get", file)); got != "x" {
		b.t.Errorf("after the first try the volume has %q, want x", got)
	}
	if r := b.fresh(ref, m, "a.setup-2", "get", file); r.ExitCode == 0 {
		b.t.Errorf("the second try found %q", joined(r))
	}
	b.fresh(ref, m, "a.setup-3", "put", file, "y")
	stopped := m.Components["a"]
	stopped.Stopped = true
	m.Components["a"] = stopped
	b.must(b.Driver.Ensure(b.ctx, ref, m, "a"))
	if r := b.fresh(ref, m, "a.setup-4", "get", file); r.ExitCode == 0 {
		b.t.Errorf("a component that was only wished for kept %q", joined(r))
	}
}

func jobFreshRan(b *bench) {
	ref, m := b.started()
	file := path.Join(m.Site.Volumes["a.data"], "tickets")
	b.job(ref, m, "write", "put", file, "one open")
	b.must(b.Driver.Stop(b.ctx, ref, "a"))
	for i, d := range []driver.Driver{b.Driver, b.Reopen(b.t)} {
		r, err := d.RunJob(b.ctx, ref, m, driver.Job{
			ID: fmt.Sprintf("a.setup-%d", i), Component: "a", Command: []string{ProgramName, "get", file}, Fresh: true,
		})
		b.must(err)
		if joined(r) != "one open" {
			b.t.Errorf("a setup took the data of a component that had run: %+v", r)
		}
	}
}

func logsTail(b *bench) {
	ref, _ := b.started()
	b.eventually("the last two lines are there", func() bool { return b.tail(b.Driver, ref) == "from\na\n" })
	if _, err := b.Driver.Logs(b.ctx, ref, driver.LogQuery{Component: "nosuch"}); err == nil {
		b.t.Error("logs of no component gave no error")
	}
}

func logsFollow(b *bench) {
	ref, _ := b.started()
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	r, err := b.Driver.Logs(ctx, ref, driver.LogQuery{Component: "a", Follow: true})
	b.must(err)
	lines := bufio.NewScanner(r)
	for _, want := range []string{"hello", "from", "a"} {
		if !lines.Scan() || lines.Text() != want {
			b.t.Fatalf("followed %q, want %q (%v)", lines.Text(), want, lines.Err())
		}
	}
	cancel()
	if lines.Scan() {
		b.t.Errorf("after the context ended still %q", lines.Text())
	}
	b.must(r.Close())
}

// jobReopened: the next process asks for the result of a job that the one before
// had begun.
func jobReopened(b *bench) {
	ref, m := b.reserve()
	first := b.job(ref, m, "a.migrate-1", "exit", "3", "half-way")
	r, err := b.Reopen(b.t).RunJob(b.ctx, ref, m, driver.Job{
		ID: "a.migrate-1", Component: "a", Command: []string{ProgramName, "exit", "0", "again"},
	})
	b.must(err)
	if r.ExitCode != 3 || joined(r) != "half-way" || !r.Started.Equal(first.Started) {
		b.t.Errorf("a job that must not be repeated gave %+v, then %+v", first, r)
	}
}

// logsEnded: what a component said is there after it was stopped, and after a
// crash.
func logsEnded(b *bench) {
	ref, _ := b.started()
	b.eventually("it has said all", func() bool { return b.tail(b.Driver, ref) == "from\na\n" })
	b.must(b.Driver.Stop(b.ctx, ref, "a"))
	if got := b.tail(b.Reopen(b.t), ref); got != "from\na\n" {
		b.t.Errorf("the log of what was stopped ends with %q", got)
	}
}

// tail gives the last two lines of a's log.
func (b *bench) tail(d driver.Driver, ref driver.Ref) string {
	b.t.Helper()
	r, err := d.Logs(b.ctx, ref, driver.LogQuery{Component: "a", Tail: 2})
	b.must(err)
	text, err := io.ReadAll(r)
	b.must(err)
	b.must(r.Close())
	return string(text)
}
