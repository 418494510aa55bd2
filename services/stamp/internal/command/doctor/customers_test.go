package doctor

import (
	"strings"
	"testing"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// TestTroubled: what health does not show is named with its customers.
func TestTroubled(t *testing.T) {
	stamp := func(tenant, obstacle string) *provisionerv1.Stamp {
		return &provisionerv1.Stamp{Name: "tenants/" + tenant + "/stamp", Obstacles: []*typev1.Obstacle{{Code: "HELD"}, {Code: obstacle}}}
	}
	if got := troubled([]*provisionerv1.Stamp{stamp("acme", "UPGRADE_FAILED")}); len(got) != 0 {
		t.Errorf("found %v", got)
	}
	got := troubled([]*provisionerv1.Stamp{stamp("acme", "DATA_MISSING"), stamp("globex", "SECRET_UNREADABLE"), stamp("initech", "DATA_MISSING")})
	for i, want := range []string{"those of 1 customers cannot be opened: globex", "that of 2 customers is gone from its place: acme, initech"} {
		if len(got) != 2 || got[i].Level != fail || got[i].Saw != want || got[i].Fix == "" {
			t.Fatalf("found %v, want %q", got, want)
		}
	}
	var many []*provisionerv1.Stamp
	for range named + 1 {
		many = append(many, stamp("acme", "DATA_MISSING"))
	}
	if got := troubled(many); len(got) != 1 || !strings.HasSuffix(got[0].Saw, "acme and others") {
		t.Errorf("found %v", got)
	}
}
