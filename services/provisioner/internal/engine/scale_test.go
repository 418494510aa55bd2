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

// TestThousandTenants converges a fleet, and restarts the replica: the second
// does nothing beyond reading.
func TestThousandTenants(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand tenants take seconds: not with -short")
	}
	const fleet = 1000
	w := newWorld(t, memory.Config{})
	r := w.start(options{places: true})
	began := time.Now()
	for i := range fleet {
		w.create(fmt.Sprintf("t%d", i))
	}
	w.converged(fleet)
	t.Logf("%d tenants converged in %v", fleet, time.Since(began).Round(time.Millisecond))
	w.stop(r)

	calls := w.cell.Calls()
	before, err := w.backend.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.start(options{places: true})
	testkit.Eventually(t, soon, func() error {
		if n := w.cell.Calls()["Observe"] - calls["Observe"]; n < fleet {
			return fmt.Errorf("observed %d of %d", n, fleet)
		}
		return nil
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

func (w *world) converged(fleet int) {
	w.t.Helper()
	testkit.Eventually(w.t, 2*time.Minute, func() error {
		all, _, err := w.records().Operations.List(w.t.Context(), store.ListOptions{})
		if err != nil {
			return err
		}
		done := 0
		for _, v := range all {
			if v.Value.GetMetadata().GetState() == typev1.OperationMetadata_SUCCEEDED {
				done++
			}
		}
		if done != fleet {
			return fmt.Errorf("%d of %d", done, fleet)
		}
		return nil
	})
}
