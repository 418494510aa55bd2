package engine

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/telemetry"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/render"
	"stampworks.dev/services/provisioner/internal/trace"
)

// reconcile brings one tenant as far as it gets, and says when to look again;
// zero is only when something changes.
func (s *shard) reconcile(ctx context.Context, tenant string, wake <-chan struct{}) (time.Duration, error) {
	if again, same := s.still(ctx, tenant); same {
		return again, nil
	}
	r, err := s.begin(ctx, tenant, wake)
	if r == nil || err != nil {
		return 0, err
	}
	if r.cancelled() { // before all that may keep it from beginning
		ctx, span := r.beginAttempt(ctx)
		again, err := r.cancel(ctx)
		span.End("CANCELLED", err)
		return again, err
	}
	if r.waitsForPlace() {
		return 0, r.blocked(ctx)
	}
	if wait := r.tooEarly(); wait > 0 {
		return wait, nil
	}
	if r.toAdopt() {
		if err := r.adopt(ctx); err != nil {
			return r.trouble(ctx, err)
		}
		return time.Nanosecond, nil // what was read did not know of it
	}
	if err := r.observe(ctx); err != nil {
		return r.trouble(ctx, err)
	}
	if r.forgotHalf() {
		return time.Nanosecond, r.book.Save(ctx) // what was read did not know of it
	}
	if again, kept, err := r.keptFrom(ctx); kept {
		return again, err
	}
	if r.gaveUp() || r.restsHalf() {
		r.showSealed()
		r.isTouched()
		if r.restsHalf() {
			r.rememberWish(ctx)
		}
		return r.rest(ctx) // only a person goes on
	}
	if r.failed == nil && r.board.op == nil && Decide(r.wish, r.book.Stamp, r.seen).Done() {
		return r.restAsWished(ctx)
	}
	o, wait, err := r.gate(time.Now(), func() (bool, error) { return r.foreseesDisturbance(ctx) })
	if err != nil {
		return r.trouble(ctx, err)
	}
	if o != nil {
		return min(wait, later(r.Resync)), r.hinder(ctx, o)
	}
	return r.try(ctx)
}

// gaveUp says whether this generation is not tried again by itself.
func (r *run) gaveUp() bool {
	return r.ended != nil && r.ended.GetState() != typev1.OperationMetadata_SUCCEEDED && !r.goesBack() && !r.isErrand()
}

// restAsWished ends a visit at a stamp that is as it should be.
func (r *run) restAsWished(ctx context.Context) (time.Duration, error) {
	r.forgetRepair()
	r.tellRepaired(nil)
	r.showSealed()
	r.rememberWish(ctx)
	again, err := r.rest(ctx)
	if err == nil {
		r.remember()
	}
	return again, err
}

// try makes one attempt at what is to be done.
func (r *run) try(ctx context.Context) (time.Duration, error) {
	r.unhindered()
	ctx, span := r.beginAttempt(ctx)
	if r.goesBack() {
		r.rememberWish(ctx) // before any of it: it is not to be tried again
	}
	err := r.loop(ctx)
	again, outcome, err := r.conclude(ctx, err)
	span.End(outcome, err)
	return again, err
}

// beginAttempt counts the attempt and traces it.
func (r *run) beginAttempt(ctx context.Context) (context.Context, *trace.Span) {
	ctx, span := r.Tracer.Begin(ctx, r.attempt(), time.Now())
	if r.board.op != nil {
		r.board.op.TraceId = traceID(ctx)
	}
	r.tellAsked()
	return ctx, span
}

// begin takes up a tenant: what it wishes, where it is placed, its record and
// its operation. A nil run means that there is nothing to work on.
func (s *shard) begin(ctx context.Context, tenant string, wake <-chan struct{}) (*run, error) {
	if operation, trial := record.TrialOperation(tenant); trial {
		return s.beginTrial(ctx, tenant, operation, wake)
	}
	book := s.book(tenant)
	wish, wished := s.View.Get(tenant)
	if !wished || (book != nil && book.Stamp.GetTenantUid() != wish.GetUid()) {
		return nil, s.leftover(ctx, tenant, book)
	}
	place, placed := s.Placements.Peek(tenant)
	if book == nil {
		if !placed || place.Value.GetCell() != s.Cell || place.Value.GetTenantUid() != wish.GetUid() {
			return nil, nil
		}
		book = s.Store.NewBook(s.Cell, tenant, s.claim.Guard())
		book.Stamp.TenantUid, book.Stamp.CreateTime = wish.GetUid(), timestamppb.Now()
		s.setBook(tenant, book)
	}
	book.Op = nil
	r := s.newRun(tenant, wish, place.Value, book, wake)
	err := r.read(ctx)
	return r, err
}

func (s *shard) newRun(id string, wish *registryv1.Tenant, place *pb.Placement, book *record.Book, wake <-chan struct{}) *run {
	return &run{
		shard: s, id: id, asked: wish, tenant: wish, place: place, book: book, wake: wake,
		log:  s.Log.With("tenant", id, "cell", s.Cell, "generation", wish.GetGeneration()),
		seen: NewSeen(), flight: map[string]Step{}, results: make(chan result, 64), cutLooks: func() {},
		own: semaphore.NewWeighted(int64(max(s.Parallel/4, 2))),
	}
}

// read gets the operation, and what the stamp is to be made from.
func (r *run) read(ctx context.Context) error {
	op, err := r.open(ctx)
	if err != nil {
		return err
	}
	r.board = board{op: op.GetMetadata()}
	r.wish = Wish{
		Generation: r.asked.GetGeneration(), Lifecycle: LifecycleOf(r.asked), Open: op != nil && !r.trial(),
		ShowOnly: op == nil && r.onlyShows(), Reopens: r.reopens(),
	}
	switch {
	case r.trial():
	case r.isErrand():
		r.tenant = withSpec(r.asked, settledSpec(r.asked, r.book.Stamp))
		r.wish.Generation, r.wish.Lifecycle, r.wish.Open = r.book.Stamp.GetDoneGeneration(), pb.Stamp_RUNNING, false
	case r.goesBack():
		r.tenant = withSpec(r.asked, r.book.Stamp.GetUpgrade().GetFrom())
	}
	r.wish.Revision = r.tenant.GetBlueprint()
	return r.readRecipe(ctx)
}

// readRecipe gets what the revision says, and from it what is to be kept safe.
func (r *run) readRecipe(ctx context.Context) error {
	if r.wish.Lifecycle == pb.Stamp_DESTROYED {
		if err := mayDestroy(r.asked, r.book.Stamp); err != nil {
			r.fail("", err)
			return nil
		}
		if !r.trial() {
			if err := r.kind().wish(ctx, r); err != nil {
				return err
			}
		}
		return r.stock(ctx)
	}
	if r.wish.Lifecycle != pb.Stamp_RUNNING {
		return r.kind().wish(ctx, r)
	}
	recipe, err := r.Recipes.Get(ctx, r.tenant.GetBlueprint())
	if errs.Is(err, errs.Unavailable) || errs.Is(err, errs.DeadlineExceeded) {
		return err // the registry is away: that is no failure of the tenant's
	}
	if err != nil {
		r.fail("", err)
		return nil
	}
	r.recipe = recipe
	if err := r.outline(); err != nil {
		return err
	}
	if r.book.Op != nil && !r.isErrand() {
		r.setOut()
	}
	if err := r.unfit(); err != nil {
		r.fail("", err)
		return nil
	}
	if err := r.kind().wish(ctx, r); err != nil {
		if errs.Is(err, errs.Unavailable) || errs.Is(err, errs.DeadlineExceeded) {
			return err
		}
		r.fail("", err)
	}
	return nil
}

// waitsForPlace says whether the placer has yet to make room for what is wished
// now; its next write wakes this tenant.
func (r *run) waitsForPlace() bool {
	if r.wish.Lifecycle != pb.Stamp_RUNNING || r.recipe == nil || settled(r.wish, r.book.Stamp) || r.goesBack() {
		return false
	}
	return r.place.GetRevision() != r.tenant.GetBlueprint() || r.place.GetPlan() != render.Plan(r.tenant, r.recipe)
}

// blocked shows what keeps a placed tenant from its next wish: there is no room
// for it in its cell.
func (r *run) blocked(ctx context.Context) error {
	if r.place.GetObstacle() == "" || r.book.Op == nil {
		return nil
	}
	return r.hinder(ctx, &typev1.Obstacle{
		Code: typev1.Failure_CAPACITY_EXHAUSTED.String(), Message: r.place.GetObstacle(),
		NextAction: failure.NextAction(typev1.Failure_CAPACITY_EXHAUSTED),
	})
}

// tooEarly is how long to wait for the next attempt.
func (r *run) tooEarly() time.Duration {
	if r.board.op.GetState() != typev1.OperationMetadata_RETRYING {
		return 0
	}
	return time.Until(r.board.op.GetFailure().GetNextRetryTime().AsTime())
}

// attempt counts the attempt that begins, and says what it is traced by.
func (r *run) attempt() trace.Attempt {
	a := trace.Attempt{
		Tenant: r.id, Cell: r.Cell, Revision: r.tenant.GetBlueprint(), Kind: "REPAIR", Token: r.claim.Token,
		Traceparent: r.tenant.GetTraceparent(), Asked: r.tenant.GetGenerationTime().AsTime(),
	}
	op := r.board.op
	if op == nil {
		return a
	}
	if op.GetState() != typev1.OperationMetadata_RUNNING {
		op.Attempt++
	}
	op.State, op.Obstacles, op.Failure = typev1.OperationMetadata_RUNNING, nil, r.turnedBy()
	op.Plan, op.Cell, op.Url = r.place.GetPlan(), record.CellName(r.Cell), r.book.Stamp.GetUrl()
	for _, s := range op.GetSteps() {
		if s.GetState() == typev1.Step_RUNNING {
			r.board.cut(s.GetId()) // by a crash
		}
	}
	r.dirty = true
	a.Operation, a.Kind, a.Number = r.book.Op.GetName(), op.GetKind().String(), op.GetAttempt()
	if e := r.errand(); e != nil {
		a.Traceparent, a.Asked = e.GetTraceparent(), op.GetCreateTime().AsTime()
		op.StartTime = cmp.Or(op.GetStartTime(), timestamppb.Now())
		return a
	}
	if op.GetStartTime() == nil {
		op.StartTime, r.book.Stamp.Failure = timestamppb.Now(), nil
	}
	r.board.place(r.place)
	r.book.Stamp.Generation, r.book.Stamp.Operation = r.tenant.GetGeneration(), r.book.Op.GetName()
	r.book.Stamp.DisplayName, r.book.Stamp.Reserved = r.tenant.GetDisplayName(), r.place.GetReserved()
	return a
}

// ref names the stamp to the driver, under the claim.
func (r *run) ref() driver.Ref {
	return driver.Ref{Tenant: r.id, UID: r.tenant.GetUid(), Token: r.claim.Token, Recovery: r.book.Stamp.GetAdopted()}
}

// later spreads what is due at the same time.
func later(d time.Duration) time.Duration { return d - rand.N(d/4+1) }

// traceID is that of the attempt.
func traceID(ctx context.Context) string { return telemetry.TraceID(ctx) }
