package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/listing"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// Get reads a delivery with its body. ErrNotFound.
func (d *Deliveries) Get(ctx context.Context, name names.Delivery) (*registryv1.Delivery, error) {
	item, err := d.records.Get(ctx, recordID(name))
	if err == nil {
		var body store.KV
		body, err = d.backend.Get(ctx, d.bodyKey(name))
		item.Value.Body = body.Value
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNotFound.Naming("delivery", name.String())
	}
	if err != nil {
		return nil, fmt.Errorf("get delivery %q: %w", name, err)
	}
	return item.Value, nil
}

// List gives a page of a source's deliveries without their bodies, newest first;
// of all sources for names.Any.
func (d *Deliveries) List(ctx context.Context, source string, q listing.Query) (listing.Page[*registryv1.Delivery], error) {
	items, _, err := d.cache.List(ctx)
	if err != nil {
		return listing.Page[*registryv1.Delivery]{}, fmt.Errorf("list deliveries: %w", err)
	}
	var list []*registryv1.Delivery
	for _, item := range items {
		if source == names.Any || strings.HasPrefix(d.records.ID(item.Key), source+"/") {
			list = append(list, item.Value)
		}
	}
	q.Scope = source
	page, err := schema.Page(list, q)
	for i, record := range page.Items {
		page.Items[i] = clone(record)
		page.Items[i].Body = nil
	}
	return page, err
}

var schema = listing.Schema[*registryv1.Delivery]{
	ID: (*registryv1.Delivery).GetName,
	Fields: map[string]listing.Field[*registryv1.Delivery]{
		"outcome":     listing.Word(registryv1.Delivery_Outcome_value, func(d *registryv1.Delivery) string { return d.GetOutcome().String() }),
		"deal_id":     listing.Text((*registryv1.Delivery).GetDealId),
		"event_id":    listing.Text((*registryv1.Delivery).GetEventId),
		"tenant":      listing.Text((*registryv1.Delivery).GetTenant),
		"create_time": listing.Time(func(d *registryv1.Delivery) time.Time { return d.GetCreateTime().AsTime() }),
	},
	Order: "create_time desc",
}
