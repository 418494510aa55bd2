package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/telemetry"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/record"
)

// tellWithin is how long the registry may take to hear of a task. Who may run it
// is not kept from it when the registry is away: it hears of it later.
const tellWithin = 2 * time.Second

// telling puts one task that talks into the timeline. What another replica passed
// on is told there.
type telling struct {
	to     Timeline
	event  func(what, message string) *registryv1.ReportEventRequest
	task   string
	begun  bool
	silent bool
	since  time.Time
}

func (s *Server) told(ctx context.Context, stamp *pb.Stamp, task string) *telling {
	who, _ := identity.PrincipalFrom(ctx)
	tenant := record.TenantID(stamp.GetName())
	id := "operations/" + tenant + ".attach-" + strings.ToLower(rand.Text()[:8]) // there is none: only to tell sessions apart
	return &telling{
		to: s.Timeline, task: task, silent: identity.PeerFrom(ctx) == "provisioner", since: time.Now(),
		event: func(what, message string) *registryv1.ReportEventRequest {
			return &registryv1.ReportEventRequest{
				Name: record.TenantName(tenant), Uid: stamp.GetTenantUid(), Operation: id,
				Entry: &registryv1.TimelineEntry{
					CreateTime: timestamppb.Now(), Principal: who.Name, Message: message, Action: "task." + what, TraceId: telemetry.TraceID(ctx),
				},
			}
		},
	}
}

func (t *telling) began() {
	t.begun = true
	t.tell("began", "The task "+t.task+" talks with a person")
}

// ended says how a task ended that had begun: one that was refused is not told.
func (t *telling) ended(result *pb.TaskResult, err error) {
	took := time.Since(t.since).Round(time.Second)
	switch {
	case !t.begun:
	case errors.Is(err, context.Canceled):
		t.tell("cut", fmt.Sprintf("The task %s was cut off after %v: the connection ended", t.task, took))
	case err != nil:
		t.tell("cut", fmt.Sprintf("The task %s was cut off after %v: %v", t.task, took, err))
	default:
		t.tell("ended", fmt.Sprintf("The task %s ended with exit code %d after %v", t.task, result.GetExitCode(), took))
	}
}

func (t *telling) tell(what, message string) {
	if t.silent {
		return
	}
	late := time.NewTimer(tellWithin)
	defer late.Stop()
	select {
	case <-t.to.Tell(t.event(what, message)):
	case <-late.C:
	}
}

func taskResult(task, component string, res driver.JobResult) *pb.TaskResult {
	return &pb.TaskResult{Task: task, Component: component, ExitCode: int32(res.ExitCode), Duration: durationpb.New(res.Duration)}
}
