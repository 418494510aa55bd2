package tenant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// limits are of one list of a receipt: so many things, each in so many bytes.
type limits struct{ lines, width int }

// A receipt's limits let its record always be written. What is left behind is a
// path that somebody has to remove: it is not cut.
var (
	receiptLimits = limits{200, 100}
	leftLimits    = limits{40, 500}
)

// Receipt is the proof that a tenant was purged. ErrNotFound, ErrNotPurged.
func (t *Tenants) Receipt(ctx context.Context, name names.Tenant) (*registryv1.Receipt, error) {
	item, err := t.tombstones.Get(ctx, name.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if _, err := t.Get(ctx, name); err != nil {
			return nil, err
		}
		return nil, ErrNotPurged.Naming("tenant", name.String())
	case err != nil:
		return nil, fmt.Errorf("get receipt of tenant %q: %w", name.ID, err)
	}
	stone := item.Value
	return receiptOf(stone, stone.GetStatus().GetReceipt(), stone.GetPurgeTime().AsTime()), nil
}

// receiptOf is what the provisioner said, which may be nothing, and what the
// registry knows itself.
func receiptOf(spec *registryv1.Tenant, said *registryv1.Receipt, at time.Time) *registryv1.Receipt {
	r, _ := proto.Clone(said).(*registryv1.Receipt)
	if r == nil {
		r = &registryv1.Receipt{}
	}
	r.Name, r.Tenant, r.Uid = spec.GetName()+"/receipt", spec.GetName(), spec.GetUid()
	r.DisplayName, r.Generation, r.PurgeTime = spec.GetDisplayName(), spec.GetGeneration(), timestamppb.New(at)
	if p := spec.GetPurge(); p != nil {
		r.Principal, r.RequestTime = p.GetPrincipal(), p.GetCreateTime()
	}
	r.Destroyed, r.BackupsKept = receiptLimits.shorten(r.GetDestroyed()), receiptLimits.shorten(r.GetBackupsKept())
	r.LeftBehind = leftLimits.shorten(r.GetLeftBehind())
	return r
}

// shorten keeps a list within the limits; the last line then says how many are
// left out.
func (l limits) shorten(lines []string) []string {
	for i, line := range lines {
		if len(line) > l.width {
			lines[i] = strings.ToValidUTF8(line[:l.width], "") + "…"
		}
	}
	if len(lines) <= l.lines {
		return lines
	}
	return append(lines[:l.lines-1:l.lines-1], fmt.Sprintf("and %d more", len(lines)-l.lines+1))
}
