package server

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/render"
)

type attachStream = grpc.BidiStreamingServer[pb.AttachTaskRequest, pb.AttachTaskResponse]

// AttachTask runs a task that talks with the caller (AIP-136). Where the cell is
// reached by another replica, that one runs it and this one passes on; the one
// that was asked first tells the timeline.
func (s *Server) AttachTask(stream attachStream) error {
	ctx, end := context.WithCancelCause(stream.Context())
	defer end(nil)
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	begin := first.GetBegin()
	if begin == nil {
		return errs.Invalid("BEGIN_MISSING", errs.Violation{Field: "begin", Description: "must be in the first message"})
	}
	stamp, task, err := s.talks(ctx, begin)
	if err != nil {
		return err
	}
	d, peer, err := s.here(ctx, stamp)
	if err != nil {
		return err
	}
	leave, err := s.seats.take(stamp.GetName())
	if err != nil {
		return err
	}
	defer leave()
	t := newTalk(ctx, end, stream, s.TaskIdle)
	told := s.told(ctx, stamp, begin.GetTask())
	var result *pb.TaskResult
	if d == nil {
		result, err = t.forward(peer, first, told.began)
	} else {
		result, err = s.attach(t, d, stamp, begin, task.GetComponent(), told.began)
	}
	err = t.why(err)
	told.ended(result, err)
	if err != nil {
		return err
	}
	return stream.Send(&pb.AttachTaskResponse{Output: &pb.AttachTaskResponse_Result{Result: result}})
}

// talks finds a task that the caller may run, and that talks.
func (s *Server) talks(ctx context.Context, begin *pb.AttachTaskRequest_Begin) (*pb.Stamp, *typev1.Task, error) {
	stamp, recipe, err := s.runsRecipe(ctx, begin.GetName())
	if err != nil {
		return nil, nil, err
	}
	task, err := taskFor(ctx, stamp.GetRevision(), recipe, begin.GetTask())
	if err != nil {
		return nil, nil, err
	}
	if !task.GetInteractive() {
		return nil, nil, errs.New(errs.FailedPrecondition, "TASK_NOT_INTERACTIVE",
			"task %q of %s talks with nobody: run it with :runTask, or give it interactive: true in the next revision", begin.GetTask(), stamp.GetRevision())
	}
	return stamp, task, s.unchanging(ctx, record.TenantID(stamp.GetName()))
}

// unchanging refuses while an operation changes the stamp: what a person did
// meanwhile could be lost, or spoil it.
func (s *Server) unchanging(ctx context.Context, tenant string) error {
	all, _, err := s.Store.Operations.List(ctx, store.ListOptions{Prefix: tenant + "."})
	if err != nil {
		return fmt.Errorf("list operations of %q: %w", tenant, err)
	}
	for _, v := range all {
		m := v.Value.GetMetadata()
		switch m.GetKind() {
		case typev1.OperationMetadata_TASK, typev1.OperationMetadata_BACKUP, typev1.OperationMetadata_VERIFY:
			continue
		}
		if !record.Over(m) {
			return errs.New(errs.FailedPrecondition, "STAMP_CHANGING", "%s is at work on the stamp: wait until it has ended", v.Value.GetName()).
				With("operation", v.Value.GetName())
		}
	}
	return nil
}

// attach runs the task in this replica's cell.
func (s *Server) attach(t *talk, d driver.Driver, stamp *pb.Stamp, begin *pb.AttachTaskRequest_Begin, component string, began func()) (*pb.TaskResult, error) {
	attacher, ok := d.(driver.Attacher)
	if !ok {
		return nil, errs.New(errs.FailedPrecondition, "ATTACH_UNSUPPORTED", "%s runs no tasks that talk with a person: run there a task that asks nothing", stamp.GetCell())
	}
	m, job, err := s.attachJob(t.ctx, stamp, begin, component)
	if err != nil {
		return nil, err
	}
	res, err := attacher.Attach(t.ctx, ref(stamp), m, job, t.session(begin, func() error {
		// Who began to change the stamp before the task ran, did not see it. Who
		// begins after this, ends it.
		if err := s.unchanging(t.ctx, m.Tenant); err != nil {
			return err
		}
		began()
		return nil
	}))
	switch {
	case errors.Is(err, driver.ErrStaleToken):
		return nil, errs.New(errs.Unavailable, "STAMP_MOVING", "the stamp has a new owner at this moment: try again").Because(err)
	case err != nil:
		return nil, err
	case res.TimedOut:
		return nil, errs.New(errs.FailedPrecondition, "SESSION_TOO_LONG", "the task was ended after %v, which is as long as one may take", s.TaskWithin)
	}
	return taskResult(begin.GetTask(), component, res), nil
}

// attachJob is the task as the driver runs it, in its component as the ledger has
// that.
func (s *Server) attachJob(ctx context.Context, stamp *pb.Stamp, begin *pb.AttachTaskRequest_Begin, component string) (driver.Manifest, driver.Job, error) {
	var m driver.Manifest
	var job driver.Job
	tenant := record.TenantID(stamp.GetName())
	wish, known := s.View.Get(tenant)
	if !known || wish.GetUid() != stamp.GetTenantUid() {
		return m, job, errs.New(errs.Unavailable, "TENANT_UNHEARD", "this replica has not heard of tenant %q yet: try again", tenant)
	}
	recipe, err := s.Recipes.Get(ctx, stamp.GetRevision())
	if err != nil {
		return m, job, err
	}
	values, err := s.Vault.Read(ctx, tenant, stamp.GetTenantUid())
	if err != nil {
		return m, job, err
	}
	form, site, err := kept(stamp, component, values)
	if err != nil {
		return m, job, err
	}
	task, err := render.Task(render.Input{Tenant: wish, Recipe: recipe, Site: site, Secrets: values, Closed: stamp.GetClosed()}, stamp, begin.GetTask())
	if err != nil {
		return m, job, err
	}
	if m, err = render.Kept(stamp, site, values, tenant, component); err != nil {
		return m, job, err
	}
	job = driver.Job{ID: component + ".attach", Component: component, Command: task.Command, Env: form.Component.Env, Timeout: s.TaskWithin, Unrecorded: true}
	if begin.GetTerm() != "" && begin.GetTerminal() != nil {
		job.Env["TERM"] = begin.GetTerm()
	}
	return m, job, nil
}
