package memory

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// open gives the memory of shard c/0 under a claim that is held, and the end of
// that claim.
func open(t *testing.T) (g Guarded, lose func()) {
	t.Helper()
	b, err := etcd.New(t.Context(), etcd.Config{Endpoints: testkit.Etcd(t).Endpoints}, etcd.Deps{Log: testkit.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	prefix := testkit.Prefix(t)
	claim := prefix + "claim"
	if _, err := b.Txn(t.Context(), nil, []store.Op{store.PutOp(claim, []byte("held"))}); err != nil {
		t.Fatal(err)
	}
	return under(t, Open(b, prefix), "c/0", store.Exists(claim)), func() {
		if _, err := b.Txn(t.Context(), nil, []store.Op{store.DeleteOp(claim)}); err != nil {
			t.Fatal(err)
		}
	}
}

func under(t *testing.T, m Memory, shard string, guard store.Cond) Guarded {
	t.Helper()
	g, err := m.Under(t.Context(), shard, guard)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func health(s typev1.HealthState) *healthv1.TenantHealth {
	return &healthv1.TenantHealth{
		Name: "tenants/acme/health", State: s, SinceTime: timestamppb.New(time.Unix(1000, 0)),
		Components: []*healthv1.CheckHealth{{Name: "db", State: s, ConsecutiveFailures: 3, ConsecutiveSuccesses: 9, Latency: durationpb.New(time.Second)}},
	}
}

func TestWhatIsSavedIsLoaded(t *testing.T) {
	g, _ := open(t)
	if h, err := g.Load(t.Context(), "acme", "u1"); h != nil || err != nil {
		t.Errorf("before: %v, %v", h, err)
	}
	for _, s := range []typev1.HealthState{typev1.HealthState_HEALTHY, typev1.HealthState_UNHEALTHY} { // anew, and again
		if err := g.Save(t.Context(), "acme", "u1", health(s)); err != nil {
			t.Fatal(err)
		}
		h, err := g.Load(t.Context(), "acme", "u1")
		if err != nil || h.GetState() != s || !h.GetSinceTime().AsTime().Equal(time.Unix(1000, 0)) || h.GetComponents()[0].GetConsecutiveFailures() != 3 {
			t.Errorf("got %v, %v", h, err)
		}
		if c := h.GetComponents()[0]; c.GetLatency() != nil || c.GetConsecutiveSuccesses() != 0 {
			t.Errorf("what changes with every answer is kept: %v", c)
		}
	}
	if h, err := g.Load(t.Context(), "acme", "u2"); h != nil || err != nil {
		t.Errorf("another tenant of the same id: %v, %v", h, err)
	}
	if ids, err := g.Known(t.Context()); err != nil || !slices.Equal(ids, []string{"acme"}) {
		t.Errorf("known: %v, %v", ids, err)
	}
	for range 2 { // calling twice is fine
		if err := g.Forget(t.Context(), "acme"); err != nil {
			t.Error(err)
		}
	}
	if ids, err := g.Known(t.Context()); err != nil || len(ids) > 0 {
		t.Errorf("known: %v, %v", ids, err)
	}
}

func TestSigns(t *testing.T) {
	g, _ := open(t)
	if signs, err := g.Signs(t.Context()); err != nil || len(signs) > 0 {
		t.Errorf("before: %v, %v", signs, err)
	}
	for _, at := range []time.Time{time.Unix(2000, 0), time.Unix(2010, 0)} {
		if err := g.Sign(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		if signs, err := g.Signs(t.Context()); err != nil || len(signs) != 1 || !signs["c/0"].Equal(at) {
			t.Errorf("got %v, %v", signs, err)
		}
	}
	if ids, err := g.Known(t.Context()); err != nil || len(ids) > 0 {
		t.Errorf("a sign of life is taken for a tenant: %v, %v", ids, err)
	}
}

// What counts for the next holder is as old as the last sign of the one before.
func TestNextHolderGoesOnFromTheLastSign(t *testing.T) {
	g, _ := open(t)
	saved := health(typev1.HealthState_UNHEALTHY)
	saved.CheckTime = timestamppb.New(time.Unix(1000, 0))
	if err := g.Save(t.Context(), "acme", "u1", saved); err != nil {
		t.Fatal(err)
	}
	if err := g.Sign(t.Context(), time.Unix(2000, 0)); err != nil {
		t.Fatal(err)
	}
	for shard, want := range map[string]int64{"c/0": 2000, "d/0": 1000} {
		h, err := under(t, g.Memory, shard, g.guard).Load(t.Context(), "acme", "u1")
		if err != nil || h.GetState() != typev1.HealthState_UNHEALTHY || h.GetCheckTime().GetSeconds() != want {
			t.Errorf("%s takes up %v, %v, want it to be as of %d", shard, h, err, want)
		}
	}
}

func TestShardsLeaveEachOthersTenants(t *testing.T) {
	g, _ := open(t)
	if err := g.Save(t.Context(), "acme", "u1", health(typev1.HealthState_HEALTHY)); err != nil {
		t.Fatal(err)
	}
	other := under(t, g.Memory, "c/1", g.guard)
	if ids, err := other.Known(t.Context()); err != nil || len(ids) > 0 {
		t.Errorf("another shard's tenants are known: %v, %v", ids, err)
	}
	if err := other.Forget(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	if ids, err := g.Known(t.Context()); err != nil || !slices.Equal(ids, []string{"acme"}) {
		t.Errorf("after another shard forgot it: %v, %v", ids, err)
	}
}

func TestNothingIsWrittenWithoutTheClaim(t *testing.T) {
	g, lose := open(t)
	if err := g.Save(t.Context(), "acme", "u1", health(typev1.HealthState_HEALTHY)); err != nil {
		t.Fatal(err)
	}
	lose()
	for what, err := range map[string]error{
		"changing":   g.Save(t.Context(), "acme", "u1", health(typev1.HealthState_UNHEALTHY)),
		"making":     g.Save(t.Context(), "globex", "u2", health(typev1.HealthState_HEALTHY)),
		"forgetting": g.Forget(t.Context(), "acme"),
		"signing":    g.Sign(t.Context(), time.Now()),
	} {
		if !errs.Is(err, errs.FailedPrecondition) {
			t.Errorf("%s: got %v, want the lost claim", what, err)
		}
	}
	if h, err := g.Load(t.Context(), "acme", "u1"); err != nil || h.GetState() != typev1.HealthState_HEALTHY {
		t.Errorf("got %v, %v", h, err)
	}
}
