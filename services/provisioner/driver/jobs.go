package driver

import (
	"context"
	"time"
)

// Jobs are the verbs of a [Driver] for commands that run to their end. A job
// outlives who asked for it, so whoever goes on after another is not alone with
// the stamp's data before it has called EndJobs.
type Jobs interface {
	// RunJob runs one command to its end in the place of a component. The
	// result is recorded under Job.ID before it is returned: the same ID asked
	// again gives the recorded result and runs nothing, and while it is under way
	// waits for it. The end of the context, or of who asked, ends the waiting, not
	// the job: it goes on until it has ended, its Timeout is over, or EndJobs or
	// Destroy ends it. Other IDs run beside it. A job that a crash cut short is
	// ended, and run again.
	RunJob(ctx context.Context, ref Ref, m Manifest, job Job) (JobResult, error)

	// EndJobs ends every job of the stamp that is under way, whoever asked for it,
	// but those with the IDs to keep and unrecorded ones. It returns when nothing
	// of them runs. What it ended has no result: who waits for it gets an error,
	// and the same ID asked again runs anew. None is fine, and so is no stamp, or
	// one that is being destroyed: its jobs end with it.
	EndJobs(ctx context.Context, ref Ref, keep ...string) error
}

// Job is one command that runs to its end.
type Job struct {
	// ID names the attempt, such as "db.setup-1" or "app.migrate-1.0.0-2".
	ID string
	// Component lends its artifact, volumes, files and user.
	Component string
	Command   []string
	Env       map[string]string
	// Timeout ends it; default 10 min.
	Timeout time.Duration
	// Fresh empties the component's volumes before the job runs: it prepares
	// them, and what an earlier try left half-way is nobody's. The caller says
	// that the job never succeeded; the driver sees to it that the component
	// never ran, and else leaves the volumes as they are.
	Fresh bool
	// Unrecorded jobs are always run and leave no record: probes, which run
	// every few seconds for years.
	Unrecorded bool
}

// JobResult is how a job ended.
type JobResult struct {
	ExitCode int           `json:"exit_code"`
	TimedOut bool          `json:"timed_out,omitempty"`
	Started  time.Time     `json:"started"`
	Duration time.Duration `json:"duration"`
	// Output is the end of what it printed, at most 20 lines.
	Output []string `json:"output,omitempty"`
}
