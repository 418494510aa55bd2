package engine_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"stampworks.dev/pkg/testkit"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver/memory"
)

// TestStepsAtOnceAreLimitedPerCell: the shards of a cell share its limit, and one
// shard alone can use all of it.
func TestStepsAtOnceAreLimitedPerCell(t *testing.T) {
	t.Parallel()
	const limit, tenants = 4, 16
	var now, most atomic.Int64
	release := make(chan struct{})
	w := newWorld(t, memory.Config{Fault: func(ctx context.Context, c memory.Call) error {
		if c.Verb != "Reserve" {
			return nil
		}
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	}})
	w.start(options{shards: 4, parallel: limit})
	for i := range tenants {
		w.place(w.create(fmt.Sprintf("t%d", i)), "one")
	}
	testkit.Eventually(t, soon, func() error {
		if n := now.Load(); n != limit {
			return fmt.Errorf("%d steps run at once, want %d", n, limit)
		}
		return nil
	})
	close(release)
	for i := range tenants {
		w.until(fmt.Sprintf("t%d", i), 1, typev1.OperationMetadata_SUCCEEDED)
	}
	if n := most.Load(); n > limit {
		t.Errorf("%d steps ran at once, want at most %d", n, limit)
	}
}
