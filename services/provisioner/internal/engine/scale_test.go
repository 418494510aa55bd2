package engine_test

import (
	"fmt"
	"testing"
	"time"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/testkit"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver/memory"
)

// stuck is how long nothing may happen: a busy machine is slow, and no failure.
const stuck = 30 * time.Second

// TestThousandTenants converges a fleet, and restarts the replica: the second
// does nothing beyond reading.
func TestThousandTenants(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand tenants take seconds: not with -short")
	}
	w := newWorld(t, memory.Config{})
	r := w.start(options{places: true})
	began := time.Now()
	for i := range fleet {
		w.create(fmt.Sprintf("t%d", i))
	}
	w.converged()
	t.Logf("%d tenants converged in %v", fleet, time.Since(began).Round(time.Millisecond))
	w.stop(r)

	calls := w.cell.Calls()
	before, err := w.backend.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.start(options{places: true})
	testkit.Progress(t, stuck, func() (int, error) {
		n := w.cell.Calls()["Observe"] - calls["Observe"]
		if n < fleet {
			return n, fmt.Errorf("observed %d of %d", n, fleet)
		}
		return n, nil
	})
	now := w.cell.Calls()
	for _, verb := range []string{"Reserve", "Ensure", "Stop", "Destroy", "RunJob"} {
		if now[verb] != calls[verb] {
			t.Errorf("a restart called %s %d times", verb, now[verb]-calls[verb])
		}
	}
	after, err := w.backend.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if wrote := after - before; wrote > 4 { // two claims, each deleted and made
		t.Errorf("a restart wrote %d times", wrote)
	}
}

func (w *world) converged() {
	w.t.Helper()
	testkit.Progress(w.t, stuck, func() (int, error) {
		all, _, err := w.records().Operations.List(w.t.Context(), store.ListOptions{})
		if err != nil {
			return 0, err
		}
		done := 0
		for _, v := range all {
			if v.Value.GetMetadata().GetState() == typev1.OperationMetadata_SUCCEEDED {
				done++
			}
		}
		if done != fleet {
			return done, fmt.Errorf("%d of %d", done, fleet)
		}
		return done, nil
	})
}
