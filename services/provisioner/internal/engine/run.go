package engine

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"stampworks.dev/pkg/blueprint"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/render"
	"stampworks.dev/services/provisioner/internal/secrets"
)

// saveEvery is how often a record is saved at least for the sake of those who
// watch the steps; before and after effects it always is.
const saveEvery = 300 * time.Millisecond

// run is one attempt to bring one tenant to its wish. All its fields belong to
// one goroutine; steps get copies and answer through results.
type run struct {
	*shard
	log    *slog.Logger
	id     string             // the tenant's
	asked  *registryv1.Tenant // as the registry has it
	tenant *registryv1.Tenant // as this run works towards it
	place  *pb.Placement
	recipe *blueprint.Recipe // nil unless the stamp is to run
	book   *record.Book
	ended  *typev1.OperationMetadata // how this generation's operation ended before

	wish  Wish
	seen  Seen
	obs   driver.Observation
	vault map[string]secrets.Secret
	input render.Input
	forms *render.Forms // nil until the site and the secrets are there
	// shut are the same while the endpoint is closed; nil when it never is.
	shut   *render.Forms
	source *pb.Backup // whose data is to be brought back
	stored []string   // the backups of a stamp that is destroyed, for the receipt

	board    board
	wake     <-chan struct{}
	own      *semaphore.Weighted // the tenant's share of the shard's effects
	steps    errgroup.Group      // what runs in flight, each with its result
	results  chan result
	flight   map[string]Step
	failed   *typev1.Failure // the first of this attempt
	stopping reason
	cutLooks context.CancelFunc
	savedAt  time.Time
	dirty    bool        // something to show was not saved yet
	drifted  bool        // what differs was not saved yet
	revived  []*pb.Drift // outages that are over: nobody but the cell had to do anything
	alone    bool        // no job runs that is not this run's
	stands   string      // the obstacle that outlives the operation that it ended
}

// reason is why a run begins no more steps.
type reason int

const (
	goingOn    reason = iota
	stepFailed        // a step failed
	preempted         // there is a newer generation
	cancelling        // a person asked to cancel
)

// result is how a step ended.
type result struct {
	step    Step
	err     error
	message string
	// apply puts what the step brought into the record and into what is seen;
	// the owner of the run calls it. Nil when there is nothing.
	apply func(r *run) error
}

// loop begins what is ready and takes in what ends, until nothing is missing,
// something failed, or something newer came. It returns with nothing in flight.
func (r *run) loop(ctx context.Context) error {
	looks, cut := context.WithCancel(ctx)
	defer cut()
	r.cutLooks = cut
	effects := false
	for {
		t, err := r.next(ctx)
		if err != nil {
			return r.drain(err)
		}
		if len(r.flight) == 0 && (r.stopping != goingOn || t.Done()) {
			return nil
		}
		r.board.plan(t.Plan)
		launches, err := r.prepare(ctx, looks, t.Begin)
		if err != nil {
			return r.drain(err)
		}
		if err := r.save(ctx, effects || anyEffect(t.Begin)); err != nil {
			return r.drain(err)
		}
		if err := r.endOthers(ctx, t); err != nil {
			return r.drain(err)
		}
		for _, launch := range launches {
			launch()
		}
		if effects, err = r.wait(ctx); err != nil {
			return r.drain(err)
		}
	}
}

// next decides what to begin: nothing once the run is stopping.
func (r *run) next(ctx context.Context) (Transition, error) {
	if err := r.render(ctx); err != nil {
		if len(r.flight) > 0 {
			r.fail("", err)
			return Transition{}, nil
		}
		return Transition{}, err
	}
	t := Decide(r.wish, r.book.Stamp, r.seen)
	if r.stopping != goingOn {
		t.Begin = nil
	}
	return t, nil
}

// prepare notes the steps that begin, in the record and on the board, and
// gives the calls that start them, to be made once that is saved.
func (r *run) prepare(ctx, looks context.Context, begin []Step) ([]func(), error) {
	now := time.Now()
	launches := make([]func(), 0, len(begin))
	for _, s := range begin {
		if s.Action == Report {
			// What runs in the end is part of what is settled: processes and times.
			if err := r.observe(ctx); err != nil {
				return nil, err
			}
		}
		if err := r.before(s); err != nil {
			return nil, err
		}
		r.board.begin(s, now)
		r.dirty = true
		within := looks
		if s.Action.Effect() {
			within = ctx
		}
		launches = append(launches, func() {
			do, masks := r.effect(s), secrets.Masks(r.vault)
			r.seen.InFlight[s.ID], r.flight[s.ID] = true, s
			r.steps.Go(func() error { r.perform(within, s, do, masks); return nil })
		})
	}
	return launches, nil
}

// perform carries out a step and hands in its result.
func (r *run) perform(ctx context.Context, s Step, do func(context.Context) result, masks *strings.Replacer) {
	ctx, span := r.Tracer.Step(ctx, s.ID, s.Component, string(s.Action))
	var res result
	if s.Action.Effect() {
		res = r.inTurn(ctx, do)
	} else {
		res = do(ctx)
	}
	res.step = s
	outcome := "DONE"
	if res.err != nil {
		outcome = "FAILED"
	}
	span.End(outcome, masked(res.err, masks))
	r.results <- res
}

// inTurn carries out an effect when there is room for it: in the shard, and among
// the tenant's own, so that whoever's steps hang does not hold up the others.
func (r *run) inTurn(ctx context.Context, do func(context.Context) result) result {
	for _, room := range []*semaphore.Weighted{r.own, r.slots} {
		if err := room.Acquire(ctx, 1); err != nil {
			return result{err: err}
		}
		defer room.Release(1)
	}
	return do(ctx)
}

// wait takes in the next result and all that came with it, or a newer wish. It
// says whether an effect ended, which is then to be saved.
func (r *run) wait(ctx context.Context) (effect bool, err error) {
	flush := time.NewTimer(saveEvery)
	defer flush.Stop()
	select {
	case res := <-r.results:
		effect = r.take(ctx, res)
	case <-r.wake:
		r.look()
	case <-flush.C:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	for {
		select {
		case res := <-r.results:
			effect = r.take(ctx, res) || effect
		default:
			return effect, ctx.Err()
		}
	}
}

// take notes how a step ended.
func (r *run) take(ctx context.Context, res result) (effect bool) {
	delete(r.flight, res.step.ID)
	delete(r.seen.InFlight, res.step.ID)
	r.dirty = true
	err := res.err
	if err == nil && res.apply != nil {
		err = res.apply(r)
	}
	switch {
	case err == nil:
		r.board.end(res.step.ID, res.message, nil, time.Now())
	case ctx.Err() != nil || (r.stopping != goingOn && !res.step.Action.Effect()):
		r.board.cut(res.step.ID) // it was interrupted, which says nothing about it
	default:
		f := r.fail(res.step.Component, err)
		r.board.end(res.step.ID, "", f, time.Now())
		r.log.WarnContext(ctx, "step failed", "step", res.step.ID, "code", f.GetCode(), "error", f.GetMessage())
	}
	return res.step.Action.Effect()
}

// drain waits for what is in flight after the run cannot go on, so that no step
// outlives it, and gives the reason back.
func (r *run) drain(err error) error {
	r.cutLooks()
	for len(r.flight) > 0 {
		res := <-r.results
		delete(r.flight, res.step.ID)
	}
	return err
}

// look finds out why it was woken.
func (r *run) look() {
	if t, ok := r.View.Get(r.id); ok && (t.GetGeneration() > r.asked.GetGeneration() || t.GetUid() != r.asked.GetUid()) && !r.committed() {
		r.stop(preempted)
	}
	if r.book.Op == nil {
		return
	}
	if op, ok := r.Operations.Peek(r.book.Op.GetName()[len("operations/"):]); ok && op.Value.GetCancelRequested() {
		r.book.Op.CancelRequested = true
		if r.cancelled() {
			r.stop(cancelling)
		}
	}
}

// stop makes the run end at the next step boundary. Effects that run are let
// run; waiting is cut short.
func (r *run) stop(why reason) {
	if r.stopping == goingOn {
		r.stopping = why
		r.cutLooks()
	}
}

// save writes the record, always around effects and else now and then.
func (r *run) save(ctx context.Context, must bool) error {
	if !must && (!r.dirty || time.Since(r.savedAt) < saveEvery) {
		return nil
	}
	r.noteRestoring()
	if err := r.book.Save(ctx); err != nil {
		return err
	}
	if r.savedAt.IsZero() && r.book.Op != nil {
		r.tell(ctx) // that work goes on, and where
	}
	r.savedAt, r.dirty = time.Now(), false
	if r.cancelled() {
		r.stop(cancelling)
	}
	return nil
}

func anyEffect(steps []Step) bool {
	for _, s := range steps {
		if s.Action.Effect() || s.Action == Report {
			return true
		}
	}
	return false
}
