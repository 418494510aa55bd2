package monitor

import (
	"testing"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

func TestChanging(t *testing.T) {
	up := func(generation int64, f *typev1.Failure) *provisionerv1.Upgrade {
		return &provisionerv1.Upgrade{
			From: &provisionerv1.StampSpec{Blueprint: "blueprints/desk/revisions/1.0.0"}, To: "blueprints/desk/revisions/1.1.0", Generation: generation, Failure: f,
		}
	}
	why := &typev1.Failure{Code: typev1.Failure_MIGRATION_FAILED}
	for name, c := range map[string]struct {
		stamp *provisionerv1.Stamp
		want  string
	}{
		"nothing":             {&provisionerv1.Stamp{Generation: 2, DoneGeneration: 2}, ""},
		"an upgrade":          {&provisionerv1.Stamp{Generation: 2, DoneGeneration: 1, Upgrade: up(2, nil)}, "It is being upgraded to 1.1.0."},
		"one that waits":      {&provisionerv1.Stamp{Generation: 1, DoneGeneration: 1, Upgrade: up(2, nil)}, ""},
		"one that goes back":  {&provisionerv1.Stamp{Generation: 2, DoneGeneration: 1, Closed: true, Upgrade: up(2, why)}, "The upgrade to 1.1.0 failed, and it is being brought back to 1.0.0."},
		"one that is over":    {&provisionerv1.Stamp{Generation: 2, DoneGeneration: 1, Failure: why, Upgrade: up(2, why)}, ""},
		"a restore":           {&provisionerv1.Stamp{Generation: 1, DoneGeneration: 1, Closed: true}, "Customers are kept out while its data is brought back."},
		"one that is no help": {&provisionerv1.Stamp{Generation: 1, DoneGeneration: 1, Closed: true, HalfRestoredGeneration: 1}, ""},
	} {
		if got := changing(c.stamp); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
