package engine

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"stampworks.dev/pkg/blueprint"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/render"
	"stampworks.dev/services/provisioner/internal/secrets"
)

const (
	// taskID is the one step of a task.
	taskID = "task.run"
	// taskWithin is how long a task may take.
	taskWithin = 10 * time.Minute
)

// TaskWish is a task that is to be run, once.
type TaskWish struct {
	// Key says who asked.
	Key             string
	Name, Component string
}

// taskErrand is the kind of a task that a person asked for.
type taskErrand struct {
	errand
	work *pb.Errand_RunTask
}

func (k taskErrand) traits() traits {
	name := k.work.GetTask()
	return traits{
		errand: true, code: typev1.Failure_TASK_FAILED, anyhow: true,
		asked:     "The task " + name + " was asked for",
		succeeded: fmt.Sprintf("The task %s ended with exit code %d", name, k.work.GetResult().GetExitCode()),
	}
}

func (k taskErrand) wish(_ context.Context, r *run) error {
	name := k.work.GetTask()
	r.wish.Task = &TaskWish{Key: r.book.Op.GetName(), Name: name, Component: r.recipe.Message().GetTasks()[name].GetComponent()}
	return nil
}

// task plans to run it, and nothing else: whatever the state of the stamp, the
// task may be what finds out or cures it.
func (p *steps) task(w Wish, have *Stamp) {
	if !ended(have, taskID, w.Task.Key) {
		p.add(w.Task.Component, Task, taskID)
	}
}

// runTask runs the task's command in the place of its component, as the ledger
// has it.
func (r *run) runTask(s Step) func(context.Context) result {
	job, err := r.taskJob(s)
	if err != nil {
		return func(context.Context) result { return result{err: err} }
	}
	w, m, ref, masks := *r.wish.Task, r.keptManifest(s.Component), r.ref(), secrets.Masks(r.vault)
	return func(ctx context.Context) result {
		job.Env = jobEnv(ctx, m, s.Component, &blueprint.Job{Env: job.Env})
		res, err := r.driver.RunJob(ctx, ref, m, job)
		if err != nil {
			return result{err: err}
		}
		for i, line := range res.Output {
			res.Output[i] = masks.Replace(line)
		}
		return result{message: fmt.Sprintf("exit code %d", res.ExitCode), apply: func(r *run) error {
			r.book.Stamp.JobsDone[taskID] = w.Key
			r.errand().GetRunTask().Result = &pb.TaskResult{
				Task: w.Name, Component: s.Component, ExitCode: int32(res.ExitCode), Output: last(res.Output, 20), Duration: durationpb.New(res.Duration),
			}
			return taskFailure(w, res)
		}}
	}
}

func (r *run) taskJob(s Step) (driver.Job, error) {
	refused := func(why string) (driver.Job, error) {
		return driver.Job{}, failure.New(typev1.Failure_TASK_FAILED, s.Component, why)
	}
	form, err := render.KeptForm(entry(r.book.Stamp, kindComponent, s.Component), r.vault)
	if err != nil || r.forms == nil {
		return refused(fmt.Sprintf("The task %s has no place to run in: the stamp is not made yet.", r.wish.Task.Name))
	}
	task, ok := r.forms.Real.Tasks[r.wish.Task.Name]
	switch {
	case !ok:
		return refused(fmt.Sprintf("%s has no task %s.", short(r.tenant.GetBlueprint()), r.wish.Task.Name))
	case task.Interactive:
		return refused(fmt.Sprintf("The task %s talks with a person.", r.wish.Task.Name))
	}
	return driver.Job{ID: r.jobID(s), Component: s.Component, Command: task.Command, Env: form.Component.Env, Timeout: taskWithin}, nil
}

// taskFailure is nil for a task that ended well.
func taskFailure(w TaskWish, res driver.JobResult) error {
	switch {
	case res.TimedOut:
		return failure.New(typev1.Failure_TASK_FAILED, w.Component, fmt.Sprintf("The task %s was ended after %v.", w.Name, taskWithin), last(res.Output, 20)...)
	case res.ExitCode != 0:
		return failure.New(typev1.Failure_TASK_FAILED, w.Component, fmt.Sprintf("The task %s ended with exit code %d.", w.Name, res.ExitCode),
			append([]string{fmt.Sprintf("exit code %d", res.ExitCode)}, last(res.Output, 19)...)...)
	}
	return nil
}
