package server

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

const (
	good    = typev1.HealthState_HEALTHY
	slow    = typev1.HealthState_DEGRADED
	bad     = typev1.HealthState_UNHEALTHY
	unknown = typev1.HealthState_UNKNOWN
	stopped = typev1.HealthState_NOT_RUNNING
	// making stands for one that is NOT_RUNNING and meant to be served.
	making = typev1.HealthState(100)
)

// customers are named A, B, C …
func customers(states ...typev1.HealthState) []*healthv1.TenantHealth {
	var all []*healthv1.TenantHealth
	for i, s := range states {
		name, wanted := string(rune('A'+i)), s == making
		if wanted {
			s = stopped
		}
		all = append(all, &healthv1.TenantHealth{
			Name: "tenants/" + name + "/health", DisplayName: name, State: s, Wanted: wanted, Summary: fmt.Sprintf("%s is %v.", name, s),
			Components: []*healthv1.CheckHealth{{Name: "app"}},
		})
	}
	return all
}

func TestSentence(t *testing.T) {
	for _, tc := range []struct {
		states []typev1.HealthState
		want   string
	}{
		{nil, "No copy is meant to run now."},
		{[]typev1.HealthState{stopped}, "No copy is meant to run now."},
		{[]typev1.HealthState{good}, "The one customer is up."},
		{[]typev1.HealthState{good, stopped, good}, "All 2 customers are up."},
		{[]typev1.HealthState{good, making, bad, making}, "1 of 4 customers are up: C is UNHEALTHY; 2 not made yet."},
		{[]typev1.HealthState{making}, "0 of 1 customers are up: 1 not made yet."},
		{[]typev1.HealthState{good, bad}, "1 of 2 customers are up: B is UNHEALTHY."},
		{[]typev1.HealthState{unknown, slow, good, bad, bad}, "1 of 5 customers are up: D is UNHEALTHY; E is UNHEALTHY; B is DEGRADED; and 1 more."},
	} {
		if got := fleet(customers(tc.states...), time.Now()).GetSummary(); got != tc.want {
			t.Errorf("%v: got %q, want %q", tc.states, got, tc.want)
		}
	}
}

func TestFleet(t *testing.T) {
	f := fleet(customers(good, bad, slow, stopped), time.Now())
	if f.GetCounts()["HEALTHY"] != 1 || f.GetCounts()["UNHEALTHY"] != 1 || len(f.GetTroubled()) != 2 || len(f.GetTenants()) != 4 {
		t.Errorf("got %v", f)
	}
	if f.GetTroubled()[0].GetDisplayName() != "B" || len(f.GetTroubled()[0].GetComponents()) != 1 {
		t.Errorf("the worst is not first, or lacks its components: %v", f.GetTroubled())
	}
	for _, h := range f.GetTenants() {
		if len(h.GetComponents()) > 0 {
			t.Errorf("%s has its components with it: a fleet of thousands would not fit", h.GetName())
		}
	}
}

// lost is a source whose store is away.
type lost struct{}

var errLost = errors.New("etcd is away")

func (lost) Health(context.Context, string) (*healthv1.TenantHealth, error) { return nil, errLost }
func (lost) All(context.Context) ([]*healthv1.TenantHealth, error)          { return nil, errLost }

func TestASourceThatIsAway(t *testing.T) {
	s := New(lost{})
	if _, err := s.GetTenantHealth(t.Context(), &healthv1.GetTenantHealthRequest{Name: "tenants/acme/health"}); !errors.Is(err, errLost) {
		t.Errorf("got %v", err)
	}
	if _, err := s.GetFleetHealth(t.Context(), nil); !errors.Is(err, errLost) {
		t.Errorf("got %v", err)
	}
}
