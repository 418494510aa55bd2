package monitor

import (
	"strings"
	"testing"
	"time"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

func TestAside(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"SECRET_UNREADABLE", " Its secrets cannot be opened, so nothing of it can be changed."},
		{"DATA_MISSING", " Data of it is gone from its place: what its customer writes now may be lost."},
		{"HELD", " its data kept."},
	} {
		s := &provisionerv1.Stamp{Lifecycle: provisionerv1.Stamp_STOPPED, Obstacles: []*typev1.Obstacle{{Code: c.code}}}
		h := Unasked("acme", s, time.Now())
		if got := h.GetSummary(); !strings.HasSuffix(got, c.want) {
			t.Errorf("of %s: %s", c.code, got)
		}
	}
}
