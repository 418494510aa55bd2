package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/record"
)

func backoff(attempt int32) time.Duration { return failure.Backoff(attempt, rand.Float64()) }

// LifecycleOf is what a tenant wants of its stamp. Only an explicit intent
// destroys.
func LifecycleOf(t *registryv1.Tenant) pb.Stamp_Lifecycle {
	switch {
	case t.GetPurging():
		return pb.Stamp_DESTROYED
	case t.GetDeleteTime() != nil || t.GetSuspended():
		return pb.Stamp_STOPPED
	}
	return pb.Stamp_RUNNING
}

// NewOperation is the record of a generation's operation before it begins.
func NewOperation(t *registryv1.Tenant, have *pb.Stamp) *pb.OperationRecord {
	tenant := record.TenantID(t.GetName())
	asked := t.GetGenerationTime()
	if asked == nil {
		asked = timestamppb.Now()
	}
	return &pb.OperationRecord{
		Name: record.OperationName(tenant, t.GetGeneration()), TenantUid: t.GetUid(),
		Metadata: &typev1.OperationMetadata{
			Tenant: t.GetName(), Kind: ChangeOf(t, have).Kind, Generation: t.GetGeneration(),
			State: typev1.OperationMetadata_QUEUED, CreateTime: asked, Revision: concerned(t, have), Plan: t.GetPlan(),
		},
	}
}

// concerned is the revision that an operation is about: of a stamp that is to
// stop, the one that it served last, whatever is wished once it is resumed.
func concerned(t *registryv1.Tenant, have *pb.Stamp) string {
	if LifecycleOf(t) != pb.Stamp_RUNNING && lived(have) {
		return have.GetRevision()
	}
	return t.GetBlueprint()
}

// board is the list of steps that an operation shows. It may have no
// operation, as a repair has none: then it notes nothing.
type board struct{ op *typev1.OperationMetadata }

func (b board) step(id string) *typev1.Step {
	i := slices.IndexFunc(b.op.GetSteps(), func(s *typev1.Step) bool { return s.GetId() == id })
	if i < 0 {
		return nil
	}
	return b.op.GetSteps()[i]
}

// plan makes the list show what is still to come, after what has begun.
func (b board) plan(plan []Step) {
	if b.op == nil {
		return
	}
	var begun, pending []*typev1.Step
	for _, s := range b.op.GetSteps() {
		if s.GetStartTime() != nil {
			begun = append(begun, s)
		}
	}
	slices.SortStableFunc(begun, func(a, c *typev1.Step) int { return a.GetStartTime().AsTime().Compare(c.GetStartTime().AsTime()) })
	b.op.Steps = begun
	for _, s := range plan {
		if b.step(s.ID) == nil {
			pending = append(pending, &typev1.Step{Id: s.ID, Component: s.Component, Action: string(s.Action), State: typev1.Step_PENDING, After: s.After})
		}
	}
	b.op.Steps = append(b.op.Steps, pending...)
	b.count()
}

// count says how far the operation is. What was skipped is done only where it was
// not needed.
func (b board) count() {
	done, needless := 0, b.op.GetState() == typev1.OperationMetadata_SUCCEEDED
	for _, s := range b.op.GetSteps() {
		if s.GetState() == typev1.Step_DONE || needless && s.GetState() == typev1.Step_SKIPPED {
			done++
		}
	}
	b.op.Progress = fmt.Sprintf("%d of %d steps", done, len(b.op.GetSteps()))
}

func (b board) begin(s Step, now time.Time) {
	if b.op == nil {
		return
	}
	step := b.step(s.ID)
	if step == nil {
		step = &typev1.Step{Id: s.ID, Component: s.Component, Action: string(s.Action), After: s.After}
		b.op.Steps = append(b.op.Steps, step)
	}
	step.State, step.StartTime, step.EndTime, step.Duration = typev1.Step_RUNNING, timestamppb.New(now), nil, nil
	step.Failure, step.Message = nil, ""
}

func (b board) end(id, message string, f *typev1.Failure, now time.Time) {
	step := b.step(id)
	if step == nil {
		return
	}
	step.State, step.Message = typev1.Step_DONE, message
	if f != nil {
		step.State, step.Failure, step.Message = typev1.Step_FAILED, f, f.GetMessage()
	}
	step.EndTime = timestamppb.New(now)
	step.Duration = durationpb.New(now.Sub(step.GetStartTime().AsTime()))
	b.count()
}

// cut notes a step that was interrupted: it has to begin again.
func (b board) cut(id string) {
	if step := b.step(id); step != nil {
		step.State, step.StartTime, step.Message = typev1.Step_PENDING, nil, ""
	}
}

// place shows when and where the tenant was placed.
func (b board) place(p *pb.Placement) {
	if b.op == nil || b.step(placeID) != nil {
		return
	}
	asked, bound := b.op.GetCreateTime(), p.GetCreateTime()
	if bound.AsTime().Before(asked.AsTime()) {
		return // of an earlier operation
	}
	b.op.Steps = append(b.op.Steps, &typev1.Step{
		Id: placeID, Action: string(Place), State: typev1.Step_DONE, StartTime: asked, EndTime: bound,
		Duration: durationpb.New(bound.AsTime().Sub(asked.AsTime())), Message: "placed on " + p.GetCell(),
	})
}

// over ends the operation.
func (b board) over(state typev1.OperationMetadata_State, now time.Time) {
	if b.op == nil {
		return
	}
	b.op.State, b.op.EndTime, b.op.Obstacles = state, timestamppb.New(now), nil
	for _, s := range b.op.GetSteps() {
		if s.GetState() == typev1.Step_PENDING || s.GetState() == typev1.Step_RUNNING {
			s.State = typev1.Step_SKIPPED
		}
	}
	b.count()
}

// open finds what is to be worked on: an errand that is half done or was dropped,
// the operation of the tenant's generation, which is made if need be, or the next
// errand. Nil means that there is none; ended says how the generation's operation
// ended.
func (r *run) open(ctx context.Context) (*pb.OperationRecord, error) {
	if r.trial() {
		return r.book.Op, nil
	}
	errand, rev, err := r.nextErrand(ctx)
	if err != nil {
		return nil, err
	}
	op, err := r.openGeneration(ctx)
	if err != nil {
		return nil, err
	}
	if errand == nil || op != nil && !halfDone(errand) && !dropped(errand) {
		return r.book.Op, nil
	}
	if errand.GetMetadata().GetAttempt() == 0 {
		if err := r.Store.CloseOlder(ctx, r.id, r.asked.GetGeneration(), r.claim.Guard()); err != nil {
			return nil, err
		}
	}
	r.book.Attach(errand, rev)
	return r.book.Op, nil
}

// openGeneration attaches the operation of the tenant's generation. Nil means
// that it has ended.
func (r *run) openGeneration(ctx context.Context) (*pb.OperationRecord, error) {
	id := record.OperationID(r.id, r.asked.GetGeneration())
	if cached, ok := r.Operations.Peek(id); ok && record.Over(cached.Value.GetMetadata()) {
		r.ended = cached.Value.GetMetadata()
		return nil, nil
	}
	op, rev, err := r.Store.ReadOperation(ctx, r.id, r.asked.GetGeneration())
	if err != nil {
		return nil, err
	}
	if op == nil {
		op = NewOperation(r.asked, r.book.Stamp)
	}
	if record.Over(op.GetMetadata()) {
		r.ended = op.GetMetadata()
		return nil, nil
	}
	if op.GetMetadata().GetAttempt() == 0 {
		if err := r.Store.CloseOlder(ctx, r.id, r.asked.GetGeneration(), r.claim.Guard()); err != nil {
			return nil, err
		}
	}
	r.book.Attach(proto.CloneOf(op), rev)
	return r.book.Op, nil
}
