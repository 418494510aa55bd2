package provisioner_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver/memory"
)

// hindered waits until the stamp has noted what it waits for.
func (p *plant) hindered(conn *grpc.ClientConn, code string) {
	p.t.Helper()
	testkit.Eventually(p.t, soon, func() error {
		s, err := pb.NewStampServiceClient(conn).GetStamp(p.ctx(), &pb.GetStampRequest{Name: "tenants/acme/stamp"})
		if err != nil || len(s.GetObstacles()) != 1 || s.GetObstacles()[0].GetCode() != code {
			return fmt.Errorf("obstacles %v, %w", s.GetObstacles(), err)
		}
		return nil
	})
}

// TestPreviewOfASuspendedStamp: another revision is for when it is resumed, and
// that waits for the window.
func TestPreviewOfASuspendedStamp(t *testing.T) {
	p := newPlant(t)
	revisions, _ := shops(p)
	cell := memory.New(memory.Config{FirstPort: serves(t, "127.0.0.1:0")})
	conn := p.start("one", cell)
	opens := time.Now().UTC().Add(48 * time.Hour)
	p.registry.Wish("acme", func(t *registryv1.Tenant) {
		t.Blueprint, t.Plan = revisions[0], "small"
		t.MaintenanceWindow = &registryv1.MaintenanceWindow{
			Schedule: fmt.Sprintf("0 %d %d %d *", opens.Hour(), opens.Day(), opens.Month()), Duration: durationpb.New(time.Hour),
		}
	})
	p.applied(conn)
	p.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = true })
	p.applied(conn)
	const later = "Nothing to do. It is upgraded from 1.0.0 to 1.1.0 when it is resumed."
	to := &registryv1.Tenant{Blueprint: revisions[1]}
	if got := p.previewed(conn, cell, &pb.PreviewStampRequest{}); got.GetSummary() != "Nothing to do." {
		t.Errorf("at rest: %v", got)
	}
	if got := p.previewed(conn, cell, &pb.PreviewStampRequest{Tenant: to}); got.GetSummary() != later {
		t.Errorf("an upgrade: %v", got)
	}
	p.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint = revisions[1] })
	p.applied(conn)
	if got := p.previewed(conn, cell, &pb.PreviewStampRequest{}); got.GetSummary() != later {
		t.Errorf("another revision wished: %v", got)
	}
	resumed := &pb.PreviewStampRequest{Lifecycle: pb.Stamp_RUNNING}
	if o := p.previewed(conn, cell, resumed).GetObstacles(); len(o) != 1 || !strings.HasPrefix(o[0].GetMessage(), "The resume on 1.1.0 waits for the maintenance window") {
		t.Errorf("resumed: %v", o)
	}
	resumed.Now = true
	if o := p.previewed(conn, cell, resumed).GetObstacles(); len(o) != 0 {
		t.Errorf("resumed now: %v", o)
	}
	back := &pb.PreviewStampRequest{Lifecycle: pb.Stamp_RUNNING, Tenant: &registryv1.Tenant{Blueprint: revisions[0]}}
	if o := p.previewed(conn, cell, back).GetObstacles(); len(o) != 0 {
		t.Errorf("resumed on what it was: %v", o)
	}
}

// TestPreviewSaysWhatItWaitsFor: a hold and a closed window are named, the
// window with when it opens, and only where the change would wait for them.
func TestPreviewSaysWhatItWaitsFor(t *testing.T) {
	p := newPlant(t)
	revisions, _ := shops(p)
	cell := memory.New(memory.Config{Allocatable: map[string]int64{"memory_bytes": 1 << 30}, FirstPort: serves(t, "127.0.0.1:0")})
	conn := p.start("one", cell)
	opens := time.Now().UTC().Add(48 * time.Hour).Truncate(time.Hour)
	window := &registryv1.MaintenanceWindow{
		Schedule: fmt.Sprintf("0 %d %d %d *", opens.Hour(), opens.Day(), opens.Month()), Duration: durationpb.New(time.Hour),
	}
	p.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint, t.Plan, t.MaintenanceWindow = revisions[0], "small", window })
	p.applied(conn)
	at := " waits for the maintenance window, which opens at " + opens.Format("2006-01-02 15:04 UTC") + "."
	update, upgrade, heldBy := "The update"+at, "The upgrade"+at, "Held by dana until "
	seats := &registryv1.Tenant{Inputs: map[string]*structpb.Value{"seats": structpb.NewNumberValue(50)}}
	check := func(name string, ask *pb.PreviewStampRequest, want ...string) {
		t.Helper()
		got := p.previewed(conn, cell, ask).GetObstacles()
		if len(got) != len(want) {
			t.Errorf("%s: obstacles %v, want %q", name, got, want)
			return
		}
		for i, o := range got {
			if !strings.HasPrefix(o.GetMessage(), want[i]) || o.GetNextAction() == "" {
				t.Errorf("%s: obstacle %v, want %q", name, o, want[i])
			}
		}
	}
	check("an update that restarts", &pb.PreviewStampRequest{Tenant: seats}, update)
	check("the same, now", &pb.PreviewStampRequest{Tenant: seats, Now: true})
	check("an upgrade", &pb.PreviewStampRequest{Tenant: &registryv1.Tenant{Blueprint: revisions[1]}}, upgrade)
	check("the same, now", &pb.PreviewStampRequest{Tenant: &registryv1.Tenant{Blueprint: revisions[1]}, Now: true})
	check("what restarts nothing", &pb.PreviewStampRequest{Tenant: &registryv1.Tenant{DisplayName: "Acme"}})
	check("suspension", &pb.PreviewStampRequest{Lifecycle: pb.Stamp_STOPPED})
	check("no room as well", &pb.PreviewStampRequest{Tenant: &registryv1.Tenant{Plan: "huge"}}, update, "one has no room for the huge plan")

	p.registry.Wish("acme", func(t *registryv1.Tenant) { t.Inputs = seats.GetInputs() })
	p.hindered(conn, "MAINTENANCE_WINDOW")
	check("what waits already", &pb.PreviewStampRequest{}, update)
	check("what waits already, now", &pb.PreviewStampRequest{Now: true})
	p.registry.Quietly("acme", func(t *registryv1.Tenant) {
		t.Hold = &registryv1.Hold{Owner: "dana", Reason: "audit", ExpireTime: timestamppb.New(time.Now().Add(time.Hour))}
	})
	p.hindered(conn, "HELD")
	check("held as well", &pb.PreviewStampRequest{}, heldBy, update)
	check("a hold holds what is urgent", &pb.PreviewStampRequest{Now: true}, heldBy)
	check("and what is no update", &pb.PreviewStampRequest{Lifecycle: pb.Stamp_STOPPED}, heldBy)

	p.registry.Quietly("acme", func(t *registryv1.Tenant) { t.Hold, t.UrgentGeneration = nil, t.GetGeneration() })
	p.applied(conn)
	if got := p.previewed(conn, cell, &pb.PreviewStampRequest{}); got.GetSummary() != "Nothing to do." {
		t.Errorf("at rest: %v", got)
	}
	if c := p.previewed(conn, cell, &pb.PreviewStampRequest{Tenant: seats}).GetComponents()[0]; c.GetAction() != typev1.ComponentPreview_NOTHING {
		t.Errorf("what is wished already: %v", c)
	}

	if !cell.Lose("uid-acme", "db", "data") {
		t.Fatal("nothing was lost")
	}
	lost := &pb.PreviewStampRequest{Tenant: &registryv1.Tenant{Blueprint: revisions[1], Plan: "huge"}}
	check("lost data beside all else", lost, "Volumes are gone", upgrade, "one has no room for the huge plan")
	if got := p.previewed(conn, cell, lost); len(got.GetComponents()) == 0 {
		t.Errorf("what is blocked says not what it would do: %v", got)
	}
}
