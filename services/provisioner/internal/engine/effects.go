package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/telemetry"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/render"
)

// effect gives the call that carries out a step. What the call needs is copied
// here, by the run's own goroutine; what it brings comes back in the result.
func (r *run) effect(s Step) func(context.Context) result {
	switch s.Action {
	case Reserve:
		return r.reserve()
	case Secrets:
		return r.makeSecrets()
	case Setup, Migrate:
		return r.job(s)
	case Start:
		return r.start(s.Component)
	case Open:
		return r.letIn(s.Component)
	case Backup:
		return r.backup(s)
	case Restore:
		return r.restore(s)
	case Rotate:
		return r.changeSecret(s)
	case Task:
		return r.runTask(s)
	case Ready:
		return r.ready(s.Component)
	case Stop, Close, Remove:
		return r.end(s)
	case Smoke:
		return r.smoke(s.ID)
	case Destroy:
		return r.destroy()
	case Report:
		return r.report()
	}
	return func(context.Context) result { return result{err: fmt.Errorf("no such action %q", s.Action)} }
}

func (r *run) reserve() func(context.Context) result {
	want, ref := render.SiteRequest(r.recipe), r.ref()
	return func(ctx context.Context) result {
		site, err := r.driver.Reserve(ctx, ref, want)
		if err != nil {
			return result{err: err}
		}
		return result{message: site.PublicURL, apply: func(r *run) error {
			rendered, err := renderSite(r.wish.Site, &site)
			if err != nil {
				return err
			}
			r.ledger(kindSite, kindSite, pb.LedgerEntry_PRESENT, rendered)
			r.book.Stamp.Url, r.book.Stamp.Isolation = site.PublicURL, site.Isolation
			r.seen.Exists, r.seen.Unsound, r.forms = true, false, nil
			return nil
		}}
	}
}

func (r *run) makeSecrets() func(context.Context) result {
	lengths := map[string]int{}
	for name, spec := range r.recipe.Secrets() {
		lengths[name] = spec.Length
	}
	uid := r.tenant.GetUid()
	return func(ctx context.Context) result {
		versions, err := r.Vault.Make(ctx, r.id, uid, lengths, r.claim.Guard())
		if err != nil {
			return result{err: err}
		}
		values, err := r.Vault.Read(ctx, r.id, uid)
		return result{err: err, apply: func(r *run) error {
			maps.Copy(r.book.Stamp.SecretVersions, versions)
			r.vault = values
			return nil
		}}
	}
}

// jobID names an attempt of a job: the same after a crash, so that the recorded
// result is found, and another for another attempt or generation.
func (r *run) jobID(s Step) string {
	number := fmt.Sprint(r.tenant.GetGeneration())
	if r.errand() != nil {
		number = strings.TrimPrefix(r.book.Op.GetName(), "operations/"+r.id+".")
	}
	if r.errand() != nil && r.turnedBy() != nil {
		number += "-undo" // another job than the one that failed
	}
	if restored := r.book.Stamp.GetRestored(); s.Action == Migrate && restored != "" {
		number += fmt.Sprintf("-%08x", sum(restored)) // other data: what was done to that of before does not count
	}
	return fmt.Sprintf("%s-%s-%s.%d", s.ID, strings.ReplaceAll(short(r.tenant.GetBlueprint()), "+", "_"), number, r.board.op.GetAttempt())
}

func (r *run) job(s Step) func(context.Context) result {
	c := r.forms.Real.Components[s.Component]
	spec, code := c.Setup, typev1.Failure_SETUP_FAILED
	if s.Action == Migrate {
		spec, code = c.Migrate, typev1.Failure_MIGRATION_FAILED
	}
	m, ref, uniqueID, revision := r.manifest(), r.ref(), r.jobID(s), r.wish.Revision
	return func(ctx context.Context) result {
		job := driver.Job{ID: uniqueID, Component: s.Component, Command: spec.Command, Env: jobEnv(ctx, m, s.Component, spec), Timeout: spec.Timeout, Fresh: s.Action == Setup}
		res, err := r.driver.RunJob(ctx, ref, m, job)
		if err == nil {
			err = jobFailure(code, s.Component, string(s.Action), spec, res)
		}
		return result{err: err, message: "took " + res.Duration.Round(10*time.Millisecond).String(), apply: func(r *run) error {
			done := "once"
			if s.Action == Migrate {
				done = revision
			}
			r.book.Stamp.JobsDone[s.ID] = done
			return nil
		}}
	}
}

// jobEnv is a job's whole environment: it is told which trace it is part of.
func jobEnv(ctx context.Context, m driver.Manifest, component string, spec *blueprint.Job) map[string]string {
	env := map[string]string{}
	for _, name := range []string{"OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_ENDPOINT"} {
		if v, ok := m.Components[component].Env[name]; ok {
			env[name] = v
		}
	}
	if parent := telemetry.Traceparent(ctx); parent != "" {
		env["TRACEPARENT"] = parent
	}
	maps.Copy(env, spec.Env)
	return env
}

// jobFailure is nil for a job that ended well.
func jobFailure(code typev1.Failure_Code, component, what string, spec *blueprint.Job, res driver.JobResult) error {
	switch {
	case res.TimedOut:
		return failure.New(typev1.Failure_TIMED_OUT, component,
			fmt.Sprintf("The %s job of %s was ended after %v.", what, component, spec.Timeout), res.Output...)
	case res.ExitCode != 0:
		return failure.New(code, component, fmt.Sprintf("The %s job of %s ended with exit code %d.", what, component, res.ExitCode),
			append([]string{fmt.Sprintf("exit code %d", res.ExitCode)}, last(res.Output, 19)...)...)
	}
	return nil
}

func (r *run) start(component string) func(context.Context) result {
	ref := r.ref()
	m := r.keptManifest() // of a stamp that is only started to be backed up
	if r.forms != nil {
		m = r.manifest()
	}
	digest, _ := m.Digest(component) // Ensure refuses what has none
	return func(ctx context.Context) result {
		err := r.driver.Ensure(ctx, ref, m, component)
		return result{err: err, apply: func(r *run) error {
			r.ledger(kindComponent, component, pb.LedgerEntry_PRESENT, "")
			r.seen.Running[component], r.seen.Started[component] = true, true
			r.restarted(component)
			c := status(r.book.Stamp, component)
			c.Running, c.Digest = true, digest
			return nil
		}}
	}
}

// letIn starts the endpoint's component where customers reach it.
func (r *run) letIn(component string) func(context.Context) result {
	start := r.start(component)
	return func(ctx context.Context) result {
		res := start(ctx)
		started := res.apply
		res.apply = func(r *run) error { r.seen.Opened = true; return started(r) }
		return res
	}
}

// keptManifest is the manifest of what the ledger has.
func (r *run) keptManifest() driver.Manifest {
	site := siteOf(r.book.Stamp)
	if site == nil {
		site = &driver.Site{}
	}
	m, err := render.Kept(r.book.Stamp, *site, r.vault, r.id)
	if err != nil {
		r.log.Warn("ledger cannot be read", "error", err) // the driver refuses what is not in the manifest
	}
	return m
}

// end stops a component: first the manifest says so, for whoever reads it after
// a crash, then its process ends. It needs no recipe: what the ledger has is
// stopped.
func (r *run) end(s Step) func(context.Context) result {
	ref, have, c := r.ref(), r.book.Stamp, s.Component
	site := siteOf(have)
	if site == nil {
		site = &driver.Site{}
	}
	m, err := render.Kept(have, *site, r.vault, r.id)
	uid := r.tenant.GetUid()
	known, kept := r.vault != nil, proto.CloneOf(have)
	return func(ctx context.Context) result {
		if !known {
			// Unreadable secrets keep nobody from stopping: what stops needs none.
			if values, openErr := r.Vault.Read(ctx, r.id, uid); openErr == nil {
				m, err = render.Kept(kept, *site, values, r.id)
			}
		}
		if err == nil {
			err = r.driver.Ensure(ctx, ref, m, c)
		}
		if err == nil {
			err = r.driver.Stop(ctx, ref, c)
		}
		return result{err: err, apply: func(r *run) error { r.stopped(s); return nil }}
	}
}

func (r *run) stopped(s Step) {
	r.seen.Running[s.Component] = false
	r.mend(s.Component)
	if s.Action == Remove {
		r.drop(s.Component)
		return
	}
	r.restarted(s.Component)
	r.ledger(kindComponent, s.Component, pb.LedgerEntry_PRESENT, "")
	if c := status(r.book.Stamp, s.Component); c != nil {
		c.Running, c.Pids, c.StartTime = false, nil, nil
	}
}

// drop takes a component out of the record.
func (r *run) drop(component string) {
	have := r.book.Stamp
	have.Ledger = slices.DeleteFunc(have.Ledger, func(e *pb.LedgerEntry) bool {
		return e.GetKind() == kindComponent && e.GetName() == component
	})
	have.Components = slices.DeleteFunc(have.Components, func(c *pb.ComponentStatus) bool { return c.GetName() == component })
	maps.DeleteFunc(have.JobsDone, func(job, _ string) bool {
		return strings.HasPrefix(job, component+".") && job != id(component, Setup) // its volumes are kept
	})
}

func (r *run) destroy() func(context.Context) result {
	ref, now := r.ref(), r.Now()
	return func(ctx context.Context) result {
		err := r.driver.Destroy(ctx, ref)
		var kept []string
		if err == nil {
			kept, err = r.endBackups(ctx, r.driver, ref, now)
		}
		return result{err: asFailure(err, typev1.Failure_DESTROY_INCOMPLETE), apply: func(r *run) error {
			r.keptOn(kept)
			r.emptied()
			return nil
		}}
	}
}

// reportWithin is how long an operation waits for the registry to hear of its
// end; the report goes on afterwards. A purge waits until it is heard: only
// then may the record go.
const reportWithin = 5 * time.Second

func (r *run) report() func(context.Context) result {
	purge := r.wish.Lifecycle == pb.Stamp_DESTROYED
	st := r.status()
	return func(ctx context.Context) result {
		st.TraceId = traceID(ctx)
		accepted := r.Reporter.Report(r.id, r.tenant.GetUid(), st)
		var late <-chan time.Time
		if !purge {
			timer := time.NewTimer(reportWithin)
			defer timer.Stop()
			late = timer.C
		}
		said := "the registry knows"
		select {
		case <-accepted:
		case <-late:
			said = "the registry is away; it is told when it is back"
		case <-ctx.Done():
			return result{err: ctx.Err()}
		}
		return result{message: said, apply: func(r *run) error { r.seen.Reported = true; return nil }}
	}
}
