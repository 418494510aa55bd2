package demo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/deal"
	"stampworks.dev/services/stamp/internal/sample"
)

// stampWithin is how long three copies may take.
const stampWithin = 60 * time.Second

// customers are who buys.
var customers = []string{"Acme Rockets", "Globex", "Initech"}

// copyOf is one customer's copy.
type copyOf struct {
	tenant, display, url string
}

// winDeals sends five deliveries of three deals: one is repeated under its
// event id, one comes again under another.
func (r *run) winDeals(ctx context.Context) (string, error) {
	product, err := sample.Publish(ctx, r.api, sample.Options{Lite: r.opts.Lite})
	if err != nil {
		return "", err
	}
	r.result.Blueprint = product.Blueprint
	source, err := sample.Source(ctx, r.api, r.dir)
	if err != nil {
		return "", err
	}
	deals := make([]deal.Deal, 0, len(customers)+2)
	for _, name := range customers {
		deals = append(deals, sample.Deal(product, name))
	}
	again := deals[1]
	again.EventID += "-again"
	deals = append(deals, deals[0], again)
	for _, d := range deals {
		if _, err := deal.Send(ctx, source, d); err != nil {
			return "", fmt.Errorf("deliver %q: %w", d.Company, err)
		}
		r.result.Deliveries++
	}
	if err := r.awaitCopies(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d deliveries, %d tenants ACTIVE, lead time p50 %d ms, max %d ms",
		r.result.Deliveries, r.result.Tenants, r.result.LeadTimeMS.P50, r.result.LeadTimeMS.Max), nil
}

// awaitCopies waits until all deliveries have an outcome and all tenants are
// ACTIVE, and that there are as many as deals.
func (r *run) awaitCopies(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stampWithin)
	defer cancel()
	err := until(ctx, "all deliveries have an outcome", func(ctx context.Context) error {
		var list registryv1.ListDeliveriesResponse
		if err := r.api.Get(ctx, "/v1/sources/-/deliveries", nil, &list); err != nil {
			return err
		}
		for _, d := range list.GetDeliveries() {
			if d.GetOutcome() != registryv1.Delivery_CREATED && d.GetOutcome() != registryv1.Delivery_DUPLICATE {
				return fmt.Errorf("delivery %s of deal %s: %s %s", d.GetName(), d.GetDealId(), d.GetOutcome(), d.GetReason())
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var tenants registryv1.ListTenantsResponse
	err = until(ctx, "all tenants are ACTIVE", func(ctx context.Context) error {
		if err := r.api.Get(ctx, "/v1/tenants", url.Values{"order_by": {"display_name"}}, &tenants); err != nil {
			return err
		}
		for _, t := range tenants.GetTenants() {
			if t.GetState() != registryv1.Tenant_ACTIVE {
				return fmt.Errorf("%s is %s: %s", t.GetName(), t.GetState(), t.GetStatus().GetFailure().GetMessage())
			}
		}
		if len(tenants.GetTenants()) < len(customers) {
			return fmt.Errorf("%d tenants", len(tenants.GetTenants()))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range tenants.GetTenants() {
		r.stamps = append(r.stamps, &copyOf{strings.TrimPrefix(t.GetName(), "tenants/"), t.GetDisplayName(), t.GetStatus().GetUrl()})
	}
	if r.result.Tenants = len(r.stamps); r.result.Tenants != len(customers) {
		return fmt.Errorf("%d deals made %d tenants", len(customers), r.result.Tenants)
	}
	return r.leadTimes(ctx)
}

// leadTimes reads how long each copy took, from its operation.
func (r *run) leadTimes(ctx context.Context) error {
	var all []int64
	for _, s := range r.stamps {
		meta, err := operation(ctx, r.api, s.tenant+".1")
		if err != nil {
			return err
		}
		all = append(all, meta.GetEndTime().AsTime().Sub(meta.GetCreateTime().AsTime()).Milliseconds())
		if r.result.TraceID == "" {
			r.result.TraceID = meta.GetTraceId()
		}
	}
	slices.Sort(all)
	r.result.LeadTimeMS = LeadTime{P50: all[len(all)/2], Max: all[len(all)-1]}
	return nil
}

// operation reads the metadata of one.
func operation(ctx context.Context, api *client.Client, id string) (*typev1.OperationMetadata, error) {
	var op longrunningpb.Operation
	if err := api.Get(ctx, "/v1/operations/"+id, nil, &op); err != nil {
		return nil, err
	}
	meta := &typev1.OperationMetadata{}
	if err := op.GetMetadata().UnmarshalTo(meta); err != nil {
		return nil, fmt.Errorf("decode operation %s: %w", id, err)
	}
	return meta, nil
}

// change asks for a change of a tenant and waits until it is done.
func (r *run) change(ctx context.Context, tenant, verb string) error {
	var op longrunningpb.Operation
	var err error
	if verb == "delete" {
		err = r.api.Delete(ctx, "/v1/tenants/"+tenant, nil, &op)
	} else {
		err = r.api.Post(ctx, "/v1/tenants/"+tenant+":"+verb, nil, nil, &op)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, tenant, err)
	}
	id := strings.TrimPrefix(op.GetName(), "operations/")
	return within(ctx, stampWithin, verb+" of "+tenant+" is done", func(ctx context.Context) error {
		meta, err := operation(ctx, r.api, id)
		if problem := (*client.Problem)(nil); verb == "purge" && errors.As(err, &problem) && problem.Status == 404 {
			return nil // a purged tenant's operations go with it
		}
		if err != nil {
			return err
		}
		if meta.GetState() != typev1.OperationMetadata_SUCCEEDED {
			return fmt.Errorf("%s is %s: %s", id, meta.GetState(), meta.GetFailure().GetMessage())
		}
		return nil
	})
}
