package tenant

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// dealID is the id under deals/ of a deal that came from a source. The record is
// a Deal whose url is the tenant's name.
func dealID(deal *registryv1.Deal) (string, bool) {
	if deal.GetSource() == "" || deal.GetId() == "" {
		return "", false
	}
	return strings.TrimPrefix(deal.GetSource(), "sources/") + "/" + hash(deal.GetId()), true
}

// ByDeal gives the name of the tenant that a deal made, purged or not; empty when
// it made none.
func (t *Tenants) ByDeal(ctx context.Context, source, id string) (string, error) {
	key, ok := dealID(&registryv1.Deal{Source: source, Id: id})
	if !ok {
		return "", nil
	}
	item, err := t.deals.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look up deal %q of %q: %w", id, source, err)
	}
	return item.Value.GetUrl(), nil
}
