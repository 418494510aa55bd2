package delivery

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// How long deliveries are kept, and how much of one source.
const (
	Retention        = 30 * 24 * time.Hour
	IgnoredRetention = 24 * time.Hour
	MaxBytes         = 256 << 20
)

const (
	recordOverhead = 1 << 10 // estimate of a record and its keys
	countEvery     = 10 * time.Second
)

// Sweep removes deliveries that are past their retention. One that is still in the
// queue stays.
func (d *Deliveries) Sweep(ctx context.Context, now time.Time) error {
	items, _ := d.cache.Snapshot()
	for _, item := range items {
		id := d.records.ID(item.Key)
		if !expired(item.Value, now) {
			continue
		}
		_, err := d.backend.Txn(ctx,
			[]store.Cond{store.ModRevisionIs(item.Key, item.ModRevision), store.Absent(d.queue.Key(id))},
			[]store.Op{d.records.DeleteOp(id), store.DeleteOp(d.prefix + "bodies/" + id)})
		if err != nil {
			return fmt.Errorf("sweep deliveries: %w", err)
		}
	}
	return nil
}

func expired(record *registryv1.Delivery, now time.Time) bool {
	limit := Retention
	if record.GetOutcome() == registryv1.Delivery_IGNORED {
		limit = IgnoredRetention
	}
	return now.Sub(record.GetCreateTime().AsTime()) > limit
}

// usage estimates how much each source keeps: counted from memory now and then,
// with what came in since added.
type usage struct {
	mu      sync.Mutex
	counted time.Time
	bytes   map[string]int64
}

// take refuses a body that does not fit any more.
func (u *usage) take(d *Deliveries, source string, body int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if time.Since(u.counted) > countEvery {
		u.counted, u.bytes = time.Now(), map[string]int64{}
		items, _ := d.cache.Snapshot()
		for _, item := range items {
			id, _, _ := strings.Cut(d.records.ID(item.Key), "/")
			u.bytes[id] += length(item.Value) + int64(len(item.Value.GetPreview())) + recordOverhead
		}
	}
	if u.bytes[source]+body+recordOverhead > MaxBytes {
		return ErrFull.Naming("source", "sources/"+source)
	}
	u.bytes[source] += body + recordOverhead
	return nil
}
