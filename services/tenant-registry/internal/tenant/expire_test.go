package tenant_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/tenant-registry/internal/listing"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/tenant"
)

func TestSweepEndsHoldsAndOverrides(t *testing.T) {
	f, ctx := start(t), context.Background()
	name, end := names.Tenant{ID: "a"}, time.Now().Add(time.Hour)
	wish := &registryv1.Tenant{DisplayName: "A", Blueprint: "web", Overrides: &registryv1.Overrides{
		Resources: map[string]*typev1.Resources{"app": {Cpu: "2"}}, Owner: "dana", Reason: "import", ExpireTime: timestamppb.New(end),
	}}
	if _, err := f.Create(ctx, tenant.Creation{ID: "a", Wish: wish}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Hold(ctx, name, "", &registryv1.Hold{Owner: "dana", Reason: "audit", ExpireTime: timestamppb.New(end)}, false); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at         time.Time
		there      bool
		generation int64
	}{{end.Add(-time.Minute), true, 1}, {end, false, 2}, {end.Add(time.Hour), false, 2}} {
		f.sweep(t, c.at)
		v, err := f.Get(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		spec := v.Spec()
		if (spec.GetHold() != nil) != c.there || (spec.GetOverrides() != nil) != c.there || spec.GetGeneration() != c.generation {
			t.Errorf("at %s: %v", c.at, spec)
		}
	}
	list, err := f.lines.List(ctx, name)
	if err != nil || len(list) != 4 {
		t.Fatalf("timeline %v, %v", list, err)
	}
	said := map[string]string{}
	for _, e := range list {
		said[e.GetAction()] = e.GetPrincipal() + ": " + e.GetMessage()
	}
	if said["tenant.hold_expired"] != "services/tenant-registry: Hold of dana ended: audit" ||
		said["tenant.overrides_expired"] != "services/tenant-registry: Overrides of dana ended: import" {
		t.Errorf("timeline %v", said)
	}
}

// A change of something else is not refused because overrides wait for the sweep.
func TestOverridesThatAreOverBlockNothing(t *testing.T) {
	f, ctx := start(t), context.Background()
	change, err := f.create(t, "a")
	if err != nil {
		t.Fatal(err)
	}
	old := change.Tenant // as it is read an hour after the overrides were set
	old.Etag, old.State, old.Reconciling = "", 0, false
	old.Overrides = &registryv1.Overrides{
		Resources: map[string]*typev1.Resources{"app": {Cpu: "2"}}, Owner: "dana", Reason: "import", ExpireTime: timestamppb.New(time.Now().Add(-time.Second)),
	}
	raw, err := proto.Marshal(old)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.backend.Txn(ctx, nil, []store.Op{store.PutOp(f.prefix+"tenants/a/spec", raw)}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Update(ctx, names.Tenant{ID: "a"}, tenant.Revision{Asked: &registryv1.Tenant{DisplayName: "B"}}); err != nil {
		t.Error(err)
	}
}

// What is held is not purged by itself: a purge cannot be taken back.
func TestSweepLeavesWhatIsHeld(t *testing.T) {
	f, ctx := start(t), context.Background()
	name := names.Tenant{ID: "a"}
	if _, err := f.create(t, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Delete(ctx, name, tenant.Deletion{}); err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(tenant.DefaultRetention + 24*time.Hour)
	if _, err := f.Hold(ctx, name, "", &registryv1.Hold{Owner: "dana", Reason: "lawsuit", ExpireTime: timestamppb.New(end)}, false); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		f.sweep(t, end.Add(-time.Hour))
		if v, err := f.Get(ctx, name); err != nil || v.Spec().GetPurging() {
			t.Errorf("held: %v, %v", v.Spec(), err)
		}
	}
	testkit.Eventually(t, 10*time.Second, func() error {
		f.sweep(t, end.Add(time.Hour)) // the first may only end the hold
		if v, err := f.Get(ctx, name); err != nil || !v.Spec().GetPurging() {
			return fmt.Errorf("not held any more: %v, %w", v.Spec(), err)
		}
		return nil
	})
}

// sweep sweeps what was there before it was called.
func (f *fixture) sweep(t *testing.T, at time.Time) {
	t.Helper()
	if _, err := f.List(context.Background(), listing.Query{}, true); err != nil { // the cache is as fresh as the store
		t.Fatal(err)
	}
	if err := f.Sweep(context.Background(), at); err != nil {
		t.Fatal(err)
	}
}
