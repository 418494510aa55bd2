package server

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// namedInSummary is how many troubled customers a sentence can hold.
const namedInSummary = 3

// fleet sums up all tenants.
func fleet(all []*healthv1.TenantHealth, now time.Time) *healthv1.FleetHealth {
	f := &healthv1.FleetHealth{Counts: map[string]int32{}, CheckTime: timestamppb.New(now)}
	byState := map[typev1.HealthState][]*healthv1.TenantHealth{}
	for _, h := range all {
		f.Counts[h.GetState().String()]++
		byState[h.GetState()] = append(byState[h.GetState()], h)
		brief := proto.CloneOf(h)
		brief.Components, brief.Endpoint = nil, nil
		f.Tenants = append(f.Tenants, brief)
	}
	for _, state := range worstFirst {
		f.Troubled = append(f.Troubled, byState[state]...)
	}
	f.Summary = sentence(f)
	return f
}

// sentence counts all customers who are meant to be served, and names the first
// of those who are not.
func sentence(f *healthv1.FleetHealth) string {
	up, making, meant := 0, 0, len(f.GetTroubled())
	for _, h := range f.GetTenants() {
		switch state := h.GetState(); {
		case state == typev1.HealthState_HEALTHY:
			up++
		case state == typev1.HealthState_NOT_RUNNING && h.GetWanted():
			making++
		}
	}
	switch meant += up + making; {
	case meant == 0:
		return "No copy is meant to run now."
	case up == 1 && meant == 1:
		return "The one customer is up."
	case up == meant:
		return fmt.Sprintf("All %d customers are up.", meant)
	}
	var named []string
	for _, h := range f.GetTroubled()[:min(namedInSummary, len(f.GetTroubled()))] {
		named = append(named, strings.TrimSuffix(h.GetSummary(), "."))
	}
	if more := len(f.GetTroubled()) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	if making > 0 {
		named = append(named, fmt.Sprintf("%d not made yet", making))
	}
	return fmt.Sprintf("%d of %d customers are up: %s.", up, meant, strings.Join(named, "; "))
}
