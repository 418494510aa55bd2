package supervisor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/services/provisioner/driver/local/process"
	"stampworks.dev/services/provisioner/driver/local/trampoline"
)

const defaultTimeout = 10 * time.Minute

// jobs are the stamp's commands that run to an end.
type jobs struct {
	s   *Supervisor
	dir string
	all sync.WaitGroup

	mu      sync.Mutex
	running map[string]*job
	guards  map[string]*guard // by component
}

// job is one that runs.
type job struct {
	component string
	fresh     bool
	probe     bool // leaves no record
	cancel    context.CancelFunc
	ended     chan struct{}
	result    *driver.JobResult // after ended, with err
	err       error
}

// errLeft says that something of a job could not be ended.
var errLeft = errors.New("something of it still runs")

func newJobs(s *Supervisor) *jobs {
	return &jobs{s: s, dir: s.stamp.Jobs(), running: map[string]*job{}, guards: map[string]*guard{}}
}

func (j *jobs) file(id string) string { return filepath.Join(j.dir, filepath.Base(id)+".json") }

func (j *jobs) logFile(id string) string { return filepath.Join(j.dir, filepath.Base(id)+".log") }

// run gives the recorded result of the job, or waits for the run that is under
// way, or runs it. The end of the context ends the waiting alone.
func (j *jobs) run(ctx context.Context, component string, a control.Applied, what driver.Job) (*driver.JobResult, error) {
	if what.Unrecorded {
		what.ID = what.ID + "-" + rand.Text()
	}
	one, err := j.begin(component, a, what)
	if err != nil {
		return nil, err
	}
	select {
	case <-one.ended:
		return one.result, one.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (j *jobs) begin(component string, a control.Applied, what driver.Job) (*job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if one := j.running[what.ID]; one != nil {
		return one, nil
	}
	known, err := readJob(j.file(what.ID))
	if err != nil {
		return nil, err
	}
	one := &job{component: component, fresh: what.Fresh, probe: what.Unrecorded, ended: make(chan struct{})}
	if known.Result != nil {
		one.result = known.Result
		close(one.ended)
		return one, nil
	}
	limit := what.Timeout
	if limit <= 0 {
		limit = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	one.cancel = cancel
	j.running[what.ID] = one
	j.all.Go(func() {
		defer cancel()
		one.result, one.err = j.carryOut(ctx, component, a, what)
		j.mu.Lock()
		delete(j.running, what.ID)
		j.mu.Unlock()
		close(one.ended)
	})
	return one, nil
}

// carryOut runs the job. Its record is there before it is, without a result.
func (j *jobs) carryOut(ctx context.Context, component string, a control.Applied, what driver.Job) (*driver.JobResult, error) {
	nonce := rand.Text()
	record := control.JobRecord{Nonce: filepath.Join(component, nonce)}
	if err := j.write(what.ID, record); err != nil {
		return nil, err
	}
	if err := j.removeLog(what.ID); err != nil {
		return nil, fmt.Errorf("run job %s: %w", what.ID, err)
	}
	if what.Fresh {
		if err := j.freshen(ctx, component, a, what.ID); err != nil {
			return nil, fmt.Errorf("run job %s: %w", what.ID, err)
		}
	}
	if !what.Unrecorded || !j.s.has(component) { // a probe changes nothing
		if err := writeFiles(j.s.stamp.Component(component), a, j.s.settings().User); err != nil {
			return nil, err
		}
	}
	result, err := j.command(ctx, component, a, what, nonce)
	if err != nil {
		return nil, err
	}
	result.Output = j.output(what.ID, 20)
	if what.Unrecorded {
		return result, errors.Join(os.Remove(j.file(what.ID)), j.removeLog(what.ID))
	}
	record.Result = result
	return result, j.write(what.ID, record)
}

// command runs the job's command to its end, and ends what it left behind.
func (j *jobs) command(ctx context.Context, component string, a control.Applied, what driver.Job, nonce string) (*driver.JobResult, error) {
	leave := j.enter(component)
	began := time.Now().UTC()
	p, err := j.s.start(component, a, start{command: what.Command, env: what.Env, nonce: nonce, leaf: "jobs", log: j.logFile(what.ID)})
	if err != nil {
		err = control.Fail(control.CodeStart, fmt.Errorf("start job %s: %w", what.ID, err))
		return nil, errors.Join(err, os.Remove(j.file(what.ID)), leave())
	}
	j.s.log.Info("job started", "job", what.ID, "pid", p.PID)
	stop := context.AfterFunc(ctx, func() { process.SignalGroup(p.PID, killSignal) })
	how, code := p.Wait()
	inTime := stop()
	result := &driver.JobResult{ExitCode: code, TimedOut: !inTime && errors.Is(ctx.Err(), context.DeadlineExceeded), Started: began, Duration: time.Since(began)}
	err = j.s.endRest(context.Background(), p.Identity, nonce)
	if err := errors.Join(err, leave()); err != nil {
		return nil, fmt.Errorf("end job %s: %w: %w", what.ID, errLeft, err)
	}
	_ = os.Remove(filepath.Join(j.s.stamp.Component(component).Proc(), nonce)) // only its own remains
	j.s.log.Info("job ended", "job", what.ID, "how", how)
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, errors.Join(fmt.Errorf("run job %s: it was ended", what.ID), os.Remove(j.file(what.ID)), j.removeLog(what.ID))
	}
	return result, nil
}

func (j *jobs) write(id string, r control.JobRecord) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode job: %w", err)
	}
	return layout.WriteDurable(j.file(id), text, 0o600)
}

// endUnfinished ends what a crash has cut short, so that it can run again, and
// what jobs left behind. It is called before any job runs.
func (j *jobs) endUnfinished(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(j.dir, "*.json"))
	if err != nil {
		return fmt.Errorf("list jobs: %w", err)
	}
	for _, file := range files {
		known, err := readJob(file)
		if err != nil {
			return err
		}
		if known.Result != nil || known.Nonce == "" {
			continue
		}
		component, nonce := filepath.Split(known.Nonce)
		proc := filepath.Join(j.s.stamp.Component(filepath.Clean(component)).Proc(), nonce)
		id, err := trampoline.GiveUp(proc)
		if err == nil && id.Alive() {
			j.s.log.Warn("unfinished job ended", "job", strings.TrimSuffix(filepath.Base(file), ".json"), "pid", id.PID)
			err = process.EndGroup(ctx, id.PID)
		}
		if err == nil {
			err = process.EndAll(ctx, func() ([]int, error) { return process.WithEnv(trampoline.NonceVariable + "=" + nonce) })
		}
		if err = errors.Join(err, os.Remove(proc), os.Remove(file)); err != nil {
			return fmt.Errorf("end unfinished job: %w", err)
		}
	}
	components, err := os.ReadDir(j.s.stamp.Components())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("list components: %w", err)
	}
	err = nil
	for _, c := range components {
		err = errors.Join(err, j.endLeft(ctx, c.Name()))
	}
	return err
}

// endAll ends all jobs; none of them gets a result.
func (j *jobs) endAll(ctx context.Context) error {
	j.mu.Lock()
	all := slices.Collect(maps.Values(j.running))
	j.mu.Unlock()
	return endJobs(ctx, all)
}

// endBut ends the jobs that leave a record, but those to keep.
func (j *jobs) endBut(ctx context.Context, keep []string) error {
	j.mu.Lock()
	var all []*job
	for id, one := range j.running {
		if !one.probe && !slices.Contains(keep, id) {
			all = append(all, one)
		}
	}
	j.mu.Unlock()
	return endJobs(ctx, all)
}

// readJob gives the zero record when there is none.
func readJob(path string) (control.JobRecord, error) {
	var r control.JobRecord
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return r, fmt.Errorf("read job: %w", err)
	}
	return r, nil
}

func lastLines(path string, n int) []string {
	lines, err := layout.LastLines(path, n)
	if err != nil {
		return []string{"output not readable: " + err.Error()}
	}
	return lines
}
