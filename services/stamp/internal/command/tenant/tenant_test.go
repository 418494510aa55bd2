package tenant

import (
	"testing"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

func TestState(t *testing.T) {
	hold := &registryv1.Hold{Owner: "dana"}
	for _, c := range []struct {
		name      string
		hold      *registryv1.Hold
		obstacles []string
		want      string
	}{
		{"nothing in the way", nil, nil, "UPDATING"},
		{"held", hold, []string{"HELD"}, "UPDATING (held)"},
		{"lifted, and the stamp did not tell yet", nil, []string{"HELD"}, "UPDATING"},
		{"lifted, and something else is in the way", nil, []string{"HELD", "NO_CAPACITY"}, "UPDATING (no_capacity)"},
		{"something else", hold, []string{"NO_CAPACITY"}, "UPDATING (no_capacity)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status := &registryv1.TenantStatus{}
			for _, code := range c.obstacles {
				status.Obstacles = append(status.Obstacles, &typev1.Obstacle{Code: code})
			}
			if got := state(&registryv1.Tenant{State: registryv1.Tenant_UPDATING, Hold: c.hold, Status: status}); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
