package server

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/record"
)

// RotateSecret queues a new value for a secret (AIP-136, AIP-151).
func (s *Server) RotateSecret(ctx context.Context, req *pb.RotateSecretRequest) (*longrunningpb.Operation, error) {
	stamp, recipe, err := s.runsRecipe(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	all := recipe.Message().GetSecrets()
	secret, has := all[req.GetSecret()]
	switch {
	case !has:
		return nil, errs.New(errs.NotFound, "SECRET_NOT_FOUND", "%s has no secret %q%s", stamp.GetRevision(), req.GetSecret(), oneOf(all))
	case secret.GetRotate() == "":
		return nil, errs.New(errs.FailedPrecondition, "SECRET_NOT_ROTATABLE",
			"%s gives no way to rotate the secret %q: publish a revision whose secret names the job that installs a new value (rotate: COMPONENT.migrate) or rotate: restart, and upgrade to it",
			stamp.GetRevision(), req.GetSecret())
	}
	return s.ask(ctx, stamp, engine.AskRotation(stamp, req.GetSecret()), req.GetRequestId())
}

// RepairStamp queues a restart (AIP-136, AIP-151). One that is under way is given
// again: who watches a stamp that does not serve asks more than once.
func (s *Server) RepairStamp(ctx context.Context, req *pb.RepairStampRequest) (*longrunningpb.Operation, error) {
	stamp, err := s.runsStamp(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	if req.GetComponent() != "" {
		if _, err := components(stamp, req.GetComponent()); err != nil {
			return nil, err
		}
	}
	e := engine.AskRepair(stamp, req.GetComponent(), req.GetReason())
	if req.GetRequestId() == "" {
		op, err := s.underWay(ctx, e)
		if err != nil {
			return nil, err
		}
		if op != nil {
			return message(ctx, op, s.current)
		}
	}
	return s.ask(ctx, stamp, e, req.GetRequestId())
}

// underWay finds an open operation that does what is asked for; nil when there is
// none.
func (s *Server) underWay(ctx context.Context, e record.Errand) (*pb.OperationRecord, error) {
	all, _, err := s.Store.Operations.List(ctx, store.ListOptions{Prefix: e.Tenant + "." + e.Word + "-"})
	if err != nil {
		return nil, fmt.Errorf("list operations of %q: %w", e.Tenant, err)
	}
	for _, v := range all {
		if op := v.Value; !record.Over(op.GetMetadata()) && op.GetTenantUid() == e.UID && e.Same(op) {
			return op, nil
		}
	}
	return nil, nil
}

// RunTask queues a task (AIP-136, AIP-151) for a caller whose role is enough.
func (s *Server) RunTask(ctx context.Context, req *pb.RunTaskRequest) (*longrunningpb.Operation, error) {
	stamp, recipe, err := s.runsRecipe(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	task, err := taskFor(ctx, stamp.GetRevision(), recipe, req.GetTask())
	if err != nil {
		return nil, err
	}
	if task.GetInteractive() {
		return nil, errs.New(errs.FailedPrecondition, "TASK_INTERACTIVE",
			"task %q talks with a person: run it with stamp task TENANT %s, which joins it to your terminal (:attachTask); a script pipes into that", req.GetTask(), req.GetTask())
	}
	return s.ask(ctx, stamp, engine.AskTask(stamp, req.GetTask(), task.GetComponent(), taskRole(task.GetRole())), req.GetRequestId())
}

// taskFor finds a task that the caller may run.
func taskFor(ctx context.Context, revision string, recipe *blueprint.Recipe, name string) (*typev1.Task, error) {
	all := recipe.Message().GetTasks()
	task, has := all[name]
	if !has {
		return nil, errs.New(errs.NotFound, "TASK_NOT_FOUND", "%s has no task %q%s", revision, name, oneOf(all))
	}
	needs := taskRole(task.GetRole())
	if who, _ := identity.PrincipalFrom(ctx); !identity.AtLeast(who.Role, needs) {
		return nil, errs.New(errs.PermissionDenied, "TASK_ROLE_MISSING", "role %q of %q may not run the task %q: it needs the role %s", who.Role, who.Name, name, needs).
			With("role", who.Role)
	}
	return task, nil
}

// taskRole is the role that a task needs when its blueprint names this one.
func taskRole(named string) string { return cmp.Or(named, identity.Operator) }

// oneOf lists what there is instead.
func oneOf[T any](all map[string]T) string {
	if len(all) == 0 {
		return ": it has none"
	}
	return "; it has " + strings.Join(slices.Sorted(maps.Keys(all)), ", ")
}

func (s *Server) runsStamp(ctx context.Context, name string) (*pb.Stamp, error) {
	tenant, err := record.ParseStampName(name)
	if err != nil {
		return nil, err
	}
	return s.runs(ctx, record.TenantName(tenant))
}

// runsRecipe finds a stamp that runs, and the revision that it runs.
func (s *Server) runsRecipe(ctx context.Context, name string) (*pb.Stamp, *blueprint.Recipe, error) {
	stamp, err := s.runsStamp(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	recipe, err := s.Recipes.Get(ctx, stamp.GetRevision())
	return stamp, recipe, err
}

// outcome is the response of work on a stamp that succeeded: the task's result, or
// the stamp, without its ledger. Nil for backups and what has a generation.
func (s *Server) outcome(op *pb.OperationRecord) proto.Message {
	e := op.GetErrand()
	switch {
	case e.GetRunTask() != nil:
		return e.GetRunTask().GetResult()
	case e.GetRotateSecret() == nil && e.GetRepairStamp() == nil:
		return nil
	}
	tenant := record.TenantID(op.GetMetadata().GetTenant())
	if v, ok := s.Stamps.Peek(record.StampID(record.CellID(op.GetMetadata().GetCell()), tenant)); ok {
		return brief(v)
	}
	return &pb.Stamp{Name: record.StampName(tenant), TenantUid: op.GetTenantUid()}
}
