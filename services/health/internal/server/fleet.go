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
	f.Summary = sentence(f, len(byState[typev1.HealthState_HEALTHY]), len(byState[typev1.HealthState_NOT_RUNNING]))
	return f
}

func sentence(f *healthv1.FleetHealth, up, notRunning int) string {
	meant := len(f.GetTenants()) - notRunning
	switch {
	case meant == 0:
		return "No copy is meant to run now."
	case len(f.GetTroubled()) == 0 && meant == 1:
		return "The one customer is up."
	case len(f.GetTroubled()) == 0:
		return fmt.Sprintf("All %d customers are up.", meant)
	}
	var named []string
	for _, h := range f.GetTroubled()[:min(namedInSummary, len(f.GetTroubled()))] {
		named = append(named, strings.TrimSuffix(h.GetSummary(), "."))
	}
	if more := len(f.GetTroubled()) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%d of %d customers are up: %s.", up, meant, strings.Join(named, "; "))
}
