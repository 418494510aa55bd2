package tenant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/telemetry"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

// Change is what a request for a change came to.
type Change struct {
	// Tenant as it is now.
	Tenant *registryv1.Tenant
	// Kind of the operation of its present generation.
	Kind typev1.OperationMetadata_Kind
	// Done says that the stamp is already as wished.
	Done bool
	// Ended says that the present generation had come to an end that is no success
	// before: nothing was begun.
	Ended bool
	// DryRun says that nothing was written.
	DryRun bool
	// Preview says what it would do; only with DryRun.
	Preview *typev1.Preview
}

// Creation asks for a new tenant.
type Creation struct {
	// ID of the tenant; empty makes one of its display name.
	ID string
	// Wish is the tenant; what is output only in it is ignored.
	Wish *registryv1.Tenant
	// RequestID makes the call repeatable for RequestRetention; may be empty.
	RequestID string
	// DryRun does everything but write.
	DryRun bool
	// Why is added to the timeline's sentence.
	Why string
	// Conds and Ops ride along in the transaction. When a condition does not
	// hold, nothing is written and the error is of the kind Conflict.
	Conds []store.Cond
	Ops   []store.Op
}

// Create makes a tenant. ErrExists, ErrPurgedID, ErrDealTaken, ErrKeyReused, or
// violations of "tenant.…". Where no id is given, one that is taken leads to the
// next numbered one.
func (t *Tenants) Create(ctx context.Context, c Creation) (Change, error) {
	wish := wished(c.Wish)
	payload, err := payloadOf(c.ID, wish)
	if err != nil {
		return Change{}, err
	}
	if c.ID != "" {
		return t.create(ctx, c, wish, payload)
	}
	base := names.Slug(wish.GetDisplayName())
	if base == "" {
		return Change{}, errs.Invalid(names.ReasonInvalid, errs.Violation{Field: idField, Description: "is required: none can be made of the display name"})
	}
	for n := 1; n <= maxNumber; n++ {
		c.ID = names.Numbered(base, n)
		change, err := t.create(ctx, c, wish, payload)
		if !errors.Is(err, ErrExists) && !errors.Is(err, ErrPurgedID) {
			return change, err
		}
	}
	return Change{}, errs.Invalid(names.ReasonInvalid, errs.Violation{Field: idField, Description: fmt.Sprintf("is required: %q is taken, and so are %d numbered ones", base, maxNumber)})
}

// idField is what a caller calls the id in a request.
const idField = "tenant_id"

// maxNumber is the last number tried behind an id that is taken.
const maxNumber = 1000

// create makes a tenant under the id of c.
func (t *Tenants) create(ctx context.Context, c Creation, wish *registryv1.Tenant, payload string) (Change, error) {
	for {
		conds, ops := c.Conds, c.Ops
		if c.RequestID != "" {
			before, unused, err := t.remembered(ctx, c.RequestID, payload)
			if err != nil || before != nil {
				return value(before), err
			}
			conds = append([]store.Cond{unused}, conds...)
		}
		spec, name, err := t.fresh(ctx, c.ID, wish)
		if err != nil {
			return Change{}, err
		}
		if c.DryRun {
			if err := t.whyNot(ctx, name, spec); err != nil {
				return Change{}, err
			}
			return t.foreseen(ctx, View{}, Change{Tenant: View{spec: record{Value: spec}}.Message(), Kind: typev1.OperationMetadata_CREATE, DryRun: true})
		}
		if c.RequestID != "" {
			ops = append([]store.Op{t.remember(c.RequestID, payload, spec)}, ops...)
		}
		view, made, err := t.insert(ctx, name, spec, c.Why, conds, ops)
		if err != nil {
			return Change{}, err
		}
		if made {
			return Change{Tenant: view.Message(), Kind: typev1.OperationMetadata_CREATE}, nil
		}
		if c.RequestID != "" { // the same request may have been faster
			if before, _, err := t.remembered(ctx, c.RequestID, payload); err != nil || before != nil {
				return value(before), err
			}
		}
		if err := t.whyNot(ctx, name, spec); err != nil {
			return Change{}, err
		}
		if len(c.Conds) > 0 {
			return Change{}, errChanged.With("tenant", name.String())
		}
	}
}

// fresh makes the first generation out of a wish.
func (t *Tenants) fresh(ctx context.Context, id string, wish *registryv1.Tenant) (*registryv1.Tenant, names.Tenant, error) {
	spec, _ := proto.Clone(wish).(*registryv1.Tenant)
	if err := names.CheckID(idField, id); err != nil {
		return nil, names.Tenant{}, err
	}
	if err := t.settle(ctx, spec, nil); err != nil {
		return nil, names.Tenant{}, err
	}
	if err := t.checkNewOverrides(ctx, nil, spec); err != nil {
		return nil, names.Tenant{}, err
	}
	name, now := names.Tenant{ID: id}, timestamppb.New(time.Now())
	spec.Name, spec.Uid, spec.Generation = name.String(), uuid.NewString(), 1
	spec.CreateTime, spec.UpdateTime, spec.GenerationTime = now, now, now
	spec.GenerationKind = typev1.OperationMetadata_CREATE
	spec.Traceparent = telemetry.Traceparent(ctx)
	return spec, name, nil
}

func (t *Tenants) insert(ctx context.Context, name names.Tenant, spec *registryv1.Tenant, why string, conds []store.Cond, ops []store.Op) (View, bool, error) {
	specID := name.ID + specPart
	conds = append([]store.Cond{store.Absent(t.records.Key(specID)), store.Absent(t.tombstones.Key(name.ID))}, conds...)
	action, message := timeline.Created, fmt.Sprintf("%s asked for, %s, plan %s", spec.GetDisplayName(), strings.TrimPrefix(spec.GetBlueprint(), "blueprints/"), spec.GetPlan())
	if spec.GetRecovery() != nil {
		action, message = timeline.Recovered, "Made again from the manifest of its stamp in "+spec.GetRecovery().GetCell()
	}
	ops = append([]store.Op{
		t.records.PutOp(specID, spec),
		t.timeline.Op(ctx, name, spec.GetUpdateTime().AsTime(), timeline.Entry{Action: action, Message: sentence(message, why), Generation: spec.GetGeneration()}),
	}, ops...)
	if id, ok := dealID(spec.GetDeal()); ok {
		conds = append(conds, store.Absent(t.deals.Key(id)))
		ops = append(ops, t.deals.PutOp(id, &registryv1.Deal{Source: spec.GetDeal().GetSource(), Id: spec.GetDeal().GetId(), Url: spec.GetName()}))
	}
	res, err := t.backend.Txn(ctx, conds, ops)
	if err != nil {
		return View{}, false, fmt.Errorf("create tenant %q: %w", name.ID, err)
	}
	return View{spec: record{Value: spec, Key: t.records.Key(specID), CreateRevision: res.Revision, ModRevision: res.Revision}}, res.Succeeded, nil
}

// whyNot finds what stands in the way of a new tenant; nil when nothing does.
func (t *Tenants) whyNot(ctx context.Context, name names.Tenant, spec *registryv1.Tenant) error {
	if deal := spec.GetDeal(); deal.GetSource() != "" {
		if taken, err := t.ByDeal(ctx, deal.GetSource(), deal.GetId()); err != nil || taken != "" {
			return firstOf(err, ErrDealTaken.With("tenant", taken).With("deal", deal.GetId()))
		}
	}
	free, err := t.Free(ctx, name)
	if err != nil || free {
		return err
	}
	if _, err := t.Get(ctx, name); errs.Is(err, errs.NotFound) {
		return ErrPurgedID.Naming("tenant", name.String())
	}
	return ErrExists.Naming("tenant", name.String())
}

// Free says whether an id was never used.
func (t *Tenants) Free(ctx context.Context, name names.Tenant) (bool, error) {
	known, err := t.Known(ctx, name)
	return !known, err
}

// wished is what a caller may say: the tenant without what is output only.
func wished(asked *registryv1.Tenant) *registryv1.Tenant {
	wish, _ := Mutable.Copy(asked).(*registryv1.Tenant)
	return wish
}

func sentence(message, why string) string {
	if why != "" {
		message += ": " + why
	}
	return message
}

func firstOf(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

func value(c *Change) Change {
	if c == nil {
		return Change{}
	}
	return *c
}

func clone(m *registryv1.Tenant) *registryv1.Tenant {
	copied, _ := proto.Clone(m).(*registryv1.Tenant)
	return copied
}
