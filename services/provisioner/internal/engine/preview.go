package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/blueprint/preview"
	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/errs"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/render"
	"stampworks.dev/services/provisioner/internal/secrets"
)

// Question asks what a run would do.
type Question struct {
	// Tenant is the wish; its blueprint names a revision.
	Tenant *registryv1.Tenant
	// Stamp is what there is; nil when there is nothing.
	Stamp *pb.Stamp
	// Observed is what the driver sees; nil when the cell cannot be asked: then
	// the record stands.
	Observed *driver.Observation
	// Cell is the one that it is placed in, by id; empty when it is not placed.
	Cell string
	// Open says that a run would have an operation to end; Operation is that one
	// when it is recorded already.
	Open      bool
	Operation *pb.OperationRecord
}

// Preview says what a run would do, by the same [Plan] on the same comparison,
// and does none of it: nothing is written and no effect is made. What could not
// even be planned is an obstacle. An error says that it cannot be told now.
func (e *Engine) Preview(ctx context.Context, q Question) (*typev1.Preview, error) {
	r := e.imagine(q)
	p := &typev1.Preview{}
	if err := r.foresee(ctx); err != nil {
		if errs.Is(err, errs.Unavailable) || errs.Is(err, errs.DeadlineExceeded) || ctx.Err() != nil {
			return nil, err
		}
		f := failure.Of(err, "")
		p.Obstacles = append(p.Obstacles, &typev1.Obstacle{Code: f.GetCode().String(), Message: f.GetMessage(), NextAction: f.GetNextAction()})
	}
	if q.Cell == "" && r.wish.Lifecycle == pb.Stamp_RUNNING {
		p.Steps = append(p.Steps, &typev1.StepPreview{Id: placeID, Action: string(Place)})
	}
	plan := Plan(r.wish, r.book.Stamp, r.seen)
	for _, s := range plan {
		p.Steps = append(p.Steps, &typev1.StepPreview{Id: s.ID, Component: s.Component, Action: string(s.Action), After: s.After})
	}
	if len(p.GetObstacles()) == 0 || r.rendered() {
		p.Components = foreseen(r.wish, r.book.Stamp, r.seen, plan)
	} else {
		p.Steps = nil // what cannot be rendered cannot be planned
	}
	p.Obstacles = append(p.Obstacles, r.waitsFor(plan, q.Observed != nil, time.Now())...)
	p.Summary = preview.Summary(p.GetComponents(), p.GetObstacles())
	return p, nil
}

// OnceResumed says, to end a summary, what a suspended stamp comes to when it is
// resumed; empty when it stays on its revision.
func OnceResumed(q Question) string {
	if !q.Tenant.GetSuspended() || q.Tenant.GetDeleteTime() != nil || q.Tenant.GetPurging() {
		return ""
	}
	resumed := proto.CloneOf(q.Tenant)
	resumed.Suspended = false
	if !ChangeOf(resumed, q.Stamp).Moves {
		return ""
	}
	was, wished := q.Stamp.GetRevision(), q.Tenant.GetBlueprint()
	return fmt.Sprintf(" It is upgraded from %s to %s when it is resumed.", short(was), short(wished))
}

// rendered says whether it is known what all components come to.
func (r *run) rendered() bool {
	if r.wish.Lifecycle != pb.Stamp_RUNNING {
		return true // there is nothing to render
	}
	return len(r.wish.Parts) > 0 && !slices.ContainsFunc(r.wish.Parts, func(p Part) bool { return p.Rendered == "" })
}

// waitsFor is all that keeps a plan from beginning now. What is lost is known of a
// stamp that was observed alone.
func (r *run) waitsFor(plan []Step, observed bool, now time.Time) []*typev1.Obstacle {
	if len(plan) == 0 {
		return nil
	}
	var all []*typev1.Obstacle
	if observed {
		for _, o := range []*typev1.Obstacle{r.newerStamp(), r.dataMissing()} {
			if o != nil {
				all = append(all, o)
			}
		}
	}
	if o, _ := r.hold(now); o != nil {
		all = append(all, o)
	}
	o, _, _ := r.window(now, func() (bool, error) { return disturbs(plan, r.book.Stamp, r.seen), nil })
	if o != nil {
		all = append(all, o)
	}
	return all
}

// imagine makes a run on a copy of the record. It has no claim and is never
// begun.
func (e *Engine) imagine(q Question) *run {
	have := proto.CloneOf(q.Stamp)
	if have == nil {
		have = &pb.Stamp{}
	}
	r := &run{
		shard: &shard{Engine: e, Shard: claim.Shard{Cell: q.Cell}}, id: record.TenantID(q.Tenant.GetName()), asked: q.Tenant, tenant: q.Tenant,
		book: &record.Book{Stamp: have}, seen: NewSeen(), cutLooks: func() {},
		wish: Wish{Generation: q.Tenant.GetGeneration(), Lifecycle: LifecycleOf(q.Tenant), Open: q.Open},
	}
	if q.Open {
		if r.book.Op = proto.CloneOf(q.Operation); r.book.Op == nil {
			r.book.Op = NewOperation(q.Tenant, have)
		}
		r.board = board{op: r.book.Op.GetMetadata()}
	}
	r.wish.ShowOnly, r.wish.Reopens = !q.Open && r.onlyShows(), r.reopens()
	if r.goesBack() {
		r.tenant = withSpec(r.asked, have.GetUpgrade().GetFrom())
	}
	r.wish.Revision = r.tenant.GetBlueprint()
	if q.Observed == nil {
		r.seen.Exists = len(have.GetLedger()) > 0
		for _, c := range have.GetComponents() {
			r.seen.Running[c.GetName()] = c.GetRunning()
		}
		return r
	}
	r.seen.Exists = q.Observed.Exists
	for name, c := range q.Observed.Components {
		r.seen.Running[name] = c.Running
	}
	r.obs = *q.Observed
	r.markStale(nil)
	return r
}

// foresee fills the wish as a run does, with the forms for the site and the
// secrets that are expected: a run has them only once it has reserved.
func (r *run) foresee(ctx context.Context) error {
	if err := r.readRecipe(ctx); err != nil {
		return err
	}
	if r.recipe == nil || settled(r.wish, r.book.Stamp) {
		return r.refusal()
	}
	var before driver.SiteRequest
	if asked := requestOf(entry(r.book.Stamp, kindSite, kindSite)); asked != "" {
		if err := json.Unmarshal([]byte(asked), &before); err != nil {
			return fmt.Errorf("read ledger of the site: %w", err)
		}
	}
	known, err := r.expectSecrets(ctx)
	if err != nil {
		return err
	}
	r.input = render.Input{
		Tenant: r.tenant, Recipe: r.recipe, Secrets: known,
		Site: render.Expect(siteOf(r.book.Stamp), before, render.SiteRequest(r.recipe), r.id),
	}
	forms, err := render.Render(r.input)
	if err != nil {
		return err
	}
	for i, p := range r.wish.Parts {
		r.wish.Parts[i].Rendered = forms.Ledger[p.Name]
	}
	if err := r.renderShut(); err != nil {
		return err
	}
	return r.refusal()
}

// refusal is why it cannot be begun; nil when it can.
func (r *run) refusal() error {
	if r.failed == nil {
		return nil
	}
	return &failure.Error{Failure: r.failed}
}

// expectSecrets gives those that were made, and stand-ins for the rest.
func (r *run) expectSecrets(ctx context.Context) (map[string]secrets.Secret, error) {
	known, err := r.Vault.Read(ctx, r.id, r.tenant.GetUid())
	if err != nil {
		return nil, err
	}
	for name, spec := range r.recipe.Secrets() {
		if _, made := known[name]; !made {
			known[name] = secrets.Secret{Value: strings.Repeat("x", spec.Length), Version: 1}
		}
	}
	return known, nil
}
