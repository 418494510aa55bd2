package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/telemetry"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/record"
)

// jobID names an attempt of a job: the same after a crash, so that the recorded
// result is found, and another for another attempt or generation.
func (r *run) jobID(s Step) string {
	number := fmt.Sprint(r.tenant.GetGeneration())
	if r.isErrand() {
		number = strings.TrimPrefix(r.book.Op.GetName(), "operations/"+record.TenantID(r.board.op.GetTenant())+".")
		if r.turnedBy() != nil {
			number += "-undo" // another job than the one that failed
		}
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
	env, c := map[string]string{}, m.Components[component]
	for _, name := range []string{"OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_ENDPOINT"} {
		if v := cmp.Or(c.Env[name], c.Telemetry[name]); v != "" {
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
		late := failure.New(typev1.Failure_TIMED_OUT, component,
			fmt.Sprintf("The %s job of %s was ended after %v.", what, component, spec.Timeout),
			append([]string{fmt.Sprintf("no end within %v", spec.Timeout)}, last(res.Output, 19)...)...)
		late.Failure.Retryable = failure.New(code, component, "").Failure.GetRetryable() // late or not, what must not be repeated is not
		return late
	case res.ExitCode != 0:
		return failure.New(code, component, fmt.Sprintf("The %s job of %s ended with exit code %d.", what, component, res.ExitCode),
			append([]string{fmt.Sprintf("exit code %d", res.ExitCode)}, last(res.Output, 19)...)...)
	}
	return nil
}

// runJob runs a job that is done once for each key.
func (r *run) runJob(ctx context.Context, ref driver.Ref, m driver.Manifest, uniqueID string, s Step, spec *blueprint.Job, code typev1.Failure_Code, key string) result {
	job := driver.Job{ID: uniqueID, Component: s.Component, Command: spec.Command, Env: jobEnv(ctx, m, s.Component, spec), Timeout: spec.Timeout}
	res, err := r.driver.RunJob(ctx, ref, m, job)
	if err == nil {
		err = jobFailure(code, s.Component, string(s.Action), spec, res)
	}
	out := doneFor(s.ID, key, err)
	out.message = "took " + res.Duration.Round(10*time.Millisecond).String()
	return out
}

// doneFor is the result of a step that is done once for each key.
func doneFor(stepID, key string, err error) result {
	return result{err: err, apply: func(r *run) error { r.book.Stamp.JobsDone[stepID] = key; return nil }}
}
