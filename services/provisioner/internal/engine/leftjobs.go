package engine

import (
	"context"
	"slices"
)

// A driver's jobs outlive who asked for them: a replica that was killed, or one
// that lost its claim or its patience. So whoever goes on ends those that it would
// not ask for itself, before it changes anything: a restore beside a migration, or
// two backups into one directory, would spoil data.

// endOthers ends the jobs that earlier runs left under way, before the first
// effect of this run. It keeps those of its own plan: they are the same ones that
// a crash interrupted, and are waited for.
func (r *run) endOthers(ctx context.Context, t Transition) error {
	if r.alone || !slices.ContainsFunc(t.Begin, func(s Step) bool { return s.Action.Effect() }) {
		return nil
	}
	keep := make([]string, 0, len(t.Plan))
	for _, s := range t.Plan {
		keep = append(keep, r.jobID(s))
	}
	err := r.driver.EndJobs(ctx, r.ref(), keep...)
	r.alone = err == nil
	return err
}

// endLeft ends all jobs of an operation that was given up. A cell that does not
// answer holds nobody up: the next run ends them before its first effect.
func (r *run) endLeft(ctx context.Context) {
	if err := r.driver.EndJobs(ctx, r.ref()); err != nil {
		r.log.WarnContext(ctx, "jobs of an operation that was given up not ended", "error", err)
	}
}
