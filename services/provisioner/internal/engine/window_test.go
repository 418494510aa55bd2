package engine

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// TestTheWindowKeepsWhatMoves: it goes by what becomes of the stamp, not by what
// the operation is called.
func TestTheWindowKeepsWhatMoves(t *testing.T) {
	const upgrade, resumes, update = typev1.OperationMetadata_UPGRADE, typev1.OperationMetadata_RESUME, typev1.OperationMetadata_UPDATE
	for name, c := range map[string]struct {
		kind     typev1.OperationMetadata_Kind // unspecified, as the stamp has it
		from, to string
		was      pb.Stamp_Lifecycle
		disturbs bool
		change   func(*registryv1.Tenant)
		want     string
	}{
		"an upgrade":                              {0, rev1, rev2, pb.Stamp_RUNNING, false, nil, "The upgrade waits"},
		"one that was taken back":                 {upgrade, rev1, rev1, pb.Stamp_RUNNING, false, nil, ""},
		"the same, of a stamp that is stopped":    {upgrade, rev1, rev1, pb.Stamp_STOPPED, false, nil, ""},
		"one that was taken back and disturbs":    {upgrade, rev1, rev1, pb.Stamp_RUNNING, true, nil, "The update waits"},
		"an update":                               {0, rev1, rev1, pb.Stamp_RUNNING, false, nil, ""},
		"an update that disturbs":                 {0, rev1, rev1, pb.Stamp_RUNNING, true, nil, "The update waits"},
		"a resume":                                {0, rev1, rev1, pb.Stamp_STOPPED, true, nil, ""},
		"a resume on another revision":            {0, rev1, rev2, pb.Stamp_STOPPED, false, nil, "The resume on 1.1.0 waits"},
		"the same, before anything was stopped":   {resumes, rev1, rev2, pb.Stamp_RUNNING, false, nil, "The resume on 1.1.0 waits"},
		"the same, tried again":                   {upgrade, rev1, rev2, pb.Stamp_STOPPED, false, nil, "The resume on 1.1.0 waits"},
		"the same, as an update of its inputs":    {update, rev1, rev2, pb.Stamp_STOPPED, false, nil, "The resume on 1.1.0 waits"},
		"the same, now":                           {0, rev1, rev2, pb.Stamp_STOPPED, false, func(t *registryv1.Tenant) { t.UrgentGeneration = t.GetGeneration() }, ""},
		"the same, with no window":                {0, rev1, rev2, pb.Stamp_STOPPED, false, func(t *registryv1.Tenant) { t.MaintenanceWindow = nil }, ""},
		"a suspension, another revision wished":   {0, rev1, rev2, pb.Stamp_RUNNING, true, func(t *registryv1.Tenant) { t.Suspended = true }, ""},
		"a stamp that has not lived":              {0, "", rev2, pb.Stamp_LIFECYCLE_UNSPECIFIED, false, nil, ""},
		"one that was stopped before it lived":    {resumes, "", rev2, pb.Stamp_STOPPED, false, nil, ""},
		"an upgrade of what has not lived by now": {upgrade, "", rev2, pb.Stamp_LIFECYCLE_UNSPECIFIED, false, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
			tenant := &registryv1.Tenant{
				Name: "tenants/acme", Generation: 4, Blueprint: c.to, GenerationKind: c.kind,
				MaintenanceWindow: &registryv1.MaintenanceWindow{Schedule: "0 3 * * *", Duration: durationpb.New(time.Hour)},
			}
			if c.change != nil {
				c.change(tenant)
			}
			r := (&Engine{}).imagine(Question{Tenant: tenant, Stamp: &pb.Stamp{Revision: c.from, Lifecycle: c.was}, Open: true})
			o, wait, err := r.window(now, func() (bool, error) { return c.disturbs, nil })
			if err != nil || (o == nil) != (c.want == "") || !strings.HasPrefix(o.GetMessage(), c.want) {
				t.Fatalf("obstacle %v, %v, want %q", o, err, c.want)
			}
			if o != nil && (wait != 15*time.Hour || o.GetNextAction() == "") {
				t.Errorf("waits %s, next action %q", wait, o.GetNextAction())
			}
		})
	}
}

// An operation that stops a stamp names the revision that it stops.
func TestTheRevisionOfAnOperation(t *testing.T) {
	have := &pb.Stamp{Revision: rev1, Lifecycle: pb.Stamp_RUNNING}
	for name, c := range map[string]struct {
		wish *registryv1.Tenant
		have *pb.Stamp
		want string
	}{
		"an upgrade":                   {&registryv1.Tenant{Blueprint: rev2}, have, rev2},
		"a suspension":                 {&registryv1.Tenant{Blueprint: rev2, Suspended: true}, have, rev1},
		"a purge":                      {&registryv1.Tenant{Blueprint: rev2, Purging: true}, have, rev1},
		"a suspension of what is none": {&registryv1.Tenant{Blueprint: rev2, Suspended: true}, nil, rev2},
	} {
		c.wish.Name = "tenants/acme"
		if got := NewOperation(c.wish, c.have).GetMetadata().GetRevision(); got != c.want {
			t.Errorf("%s is about %s, want %s", name, got, c.want)
		}
	}
}
