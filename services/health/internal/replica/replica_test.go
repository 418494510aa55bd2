package replica

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

func TestWhatWasWrittenCountsAsLongAsSomebodyAsks(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	written := func(s typev1.HealthState, ago time.Duration) *healthv1.TenantHealth {
		return &healthv1.TenantHealth{
			Name: "tenants/acme/health", DisplayName: "Acme", State: s, Summary: "as written", CheckTime: timestamppb.New(now.Add(-ago)),
		}
	}
	const healthy, stopped, unknown = typev1.HealthState_HEALTHY, typev1.HealthState_NOT_RUNNING, typev1.HealthState_UNKNOWN
	for _, tc := range []struct {
		why     string
		h       *healthv1.TenantHealth
		sign    time.Duration // ago
		want    typev1.HealthState
		asOf    time.Duration // ago
		summary string
	}{
		{"unchanged for an hour, and asked all the time", written(healthy, time.Hour), 10 * time.Second, healthy, 10 * time.Second, "as written"},
		{"just written by one who has given no sign yet", written(healthy, time.Second), time.Hour, healthy, time.Second, "as written"},
		{"nobody asks any more", written(healthy, time.Hour), 2 * time.Minute, unknown, 2 * time.Minute,
			"Acme is not known to be up: nobody has looked since 2026-11-01 11:58:00 UTC."},
		{"what does not run needs no asking", written(stopped, time.Hour), time.Hour, stopped, time.Hour, "as written"},
	} {
		got := asOf(tc.h, now.Add(-tc.sign), now)
		if got.GetState() != tc.want || !got.GetCheckTime().AsTime().Equal(now.Add(-tc.asOf)) || got.GetSummary() != tc.summary {
			t.Errorf("%s: got %v", tc.why, got)
		}
	}
}
