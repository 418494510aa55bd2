package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/mapping"
	"stampworks.dev/services/tenant-registry/internal/tenant"
)

// verdict is what a delivery comes to.
type verdict struct {
	outcome registryv1.Delivery_Outcome
	reason  string
	field   string
	dealID  string
	tenant  string // "tenants/acme"
	preview string

	// create says that the tenant below is to be made.
	create bool
	deal   mapping.Deal
	id     string // of the tenant: the first that is free
}

func (v verdict) writeTo(j *job) {
	r := j.record
	r.Outcome, r.Reason, r.Field, r.DealId, r.Tenant, r.Preview = v.outcome, v.reason, v.field, v.dealID, v.tenant, v.preview
	r.ProcessTime, r.NextAttemptTime = timestamppb.New(time.Now()), nil
	r.Attempts++
}

// judge finds out what a delivery comes to, and writes nothing.
func (d *Deliveries) judge(ctx context.Context, j *job) (verdict, error) {
	event, err := mapping.Decode(j.body)
	if err != nil {
		return attention("", "body", err.Error()), nil
	}
	program, err := d.programs.of(j.source)
	if err != nil {
		return verdict{}, err
	}
	received := j.record.GetCreateTime().AsTime()
	switch won, problem := program.Won(ctx, event, received); {
	case problem != nil && problem.Missing:
		return verdict{outcome: registryv1.Delivery_IGNORED, reason: "the rule for won does not apply to it: " + problem.Why}, nil
	case problem != nil:
		return attention("", problem.Field, problem.Why), nil
	case !won:
		return verdict{outcome: registryv1.Delivery_IGNORED, reason: "not a deal that was won"}, nil
	}
	deal, problem := program.Map(ctx, j.source.GetName(), event, received)
	if problem != nil {
		return attention(deal.ID, problem.Field, problem.Why), nil
	}
	if before := j.source.GetIgnoreBefore().AsTime(); deal.WonTime.Before(before) {
		return verdict{outcome: registryv1.Delivery_IGNORED, dealID: deal.ID,
			reason: fmt.Sprintf("won at %s, before %s, from when on deals count", stamp(deal.WonTime), stamp(before))}, nil
	}
	return d.propose(ctx, j, deal)
}

// propose checks the tenant that a deal would make, and asks the mode.
func (d *Deliveries) propose(ctx context.Context, j *job, deal mapping.Deal) (verdict, error) {
	taken, err := d.tenants.ByDeal(ctx, j.source.GetName(), deal.ID)
	if err != nil {
		return verdict{}, err
	}
	if taken != "" {
		return duplicate(deal.ID, taken), nil
	}
	id, made, err := d.rehearse(ctx, deal)
	if e, ok := errs.As(err); ok && errors.Is(err, tenant.ErrDealTaken) { // just now
		return duplicate(deal.ID, e.Metadata["tenant"]), nil
	}
	if errs.Is(err, errs.InvalidArgument) || errs.Is(err, errs.TooLarge) {
		return refused(deal.ID, err), nil
	}
	if err != nil {
		return verdict{}, err
	}
	v := verdict{dealID: deal.ID, tenant: made.GetName(), preview: preview(made), deal: deal, id: id}
	if id != deal.TenantID {
		v.reason = fmt.Sprintf("the id %q is taken, so it is %q", deal.TenantID, id)
	}
	switch mode := j.source.GetMode(); {
	case j.entry.approver != "":
		v.outcome, v.create = registryv1.Delivery_CREATED, true
		v.reason = also(v.reason, "approved by "+j.entry.approver)
	case mode == registryv1.Source_AUTO:
		v.outcome, v.create = registryv1.Delivery_CREATED, true
	case mode == registryv1.Source_APPROVE:
		v.outcome, v.reason = registryv1.Delivery_NEEDS_APPROVAL, also(v.reason, "the source is in mode APPROVE")
	default:
		v.outcome, v.reason = registryv1.Delivery_WOULD_CREATE, also(v.reason, "the source is in mode DRY_RUN")
	}
	return v, nil
}

func duplicate(dealID, tenantName string) verdict {
	return verdict{outcome: registryv1.Delivery_DUPLICATE, dealID: dealID, tenant: tenantName,
		reason: fmt.Sprintf("deal %q made %s already", dealID, tenantName)}
}

func attention(dealID, field, why string) verdict {
	return verdict{outcome: registryv1.Delivery_NEEDS_ATTENTION, dealID: dealID, field: field, reason: field + ": " + why}
}

// refused names the first field that the registry would not take.
func refused(dealID string, err error) verdict {
	v := attention(dealID, "", "")
	v.reason = err.Error()
	if e, ok := errs.As(err); ok && len(e.Violations) > 0 {
		v.field = strings.TrimPrefix(e.Violations[0].Field, "tenant.")
		parts := make([]string, len(e.Violations))
		for i, one := range e.Violations {
			parts[i] = strings.TrimPrefix(one.Field, "tenant.") + " " + one.Description
		}
		v.reason = strings.Join(parts, "; ")
	}
	return v
}

func preview(made *registryv1.Tenant) string {
	shown, _ := tenant.Mutable.Copy(made).(*registryv1.Tenant)
	shown.Name = made.GetName()
	raw, err := protojson.MarshalOptions{}.Marshal(shown)
	if err != nil {
		return ""
	}
	return string(raw)
}

func also(reason, more string) string {
	if reason == "" {
		return more
	}
	return reason + "; " + more
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
