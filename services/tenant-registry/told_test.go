package tenantregistry_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

func TestTheTimelineIsTold(t *testing.T) {
	r := start(t)
	r.create(t, "acme")
	now := r.get(t, "acme")
	entry := func(action string) *registryv1.TimelineEntry {
		return &registryv1.TimelineEntry{
			CreateTime: timestamppb.New(now.GetCreateTime().AsTime().Add(time.Minute)), Principal: "tokens/dba", Action: action, Message: "The task count was asked for",
		}
	}
	tell := func(name, uid, operation string, e *registryv1.TimelineEntry) error {
		_, err := r.reports.ReportEvent(context.Background(), &registryv1.ReportEventRequest{Name: name, Uid: uid, Operation: operation, Entry: e})
		return err
	}
	for range 2 { // the same again makes no second one
		if err := tell(now.GetName(), now.GetUid(), "operations/acme.task-1", entry("task.asked")); err != nil {
			t.Fatal(err)
		}
	}
	if err := tell(now.GetName(), now.GetUid(), "operations/acme.task-2", entry("task.asked")); err != nil {
		t.Fatal(err)
	}
	lines, err := r.tenants.ListTimeline(ctx(t), &registryv1.ListTimelineRequest{Parent: now.GetName()})
	if err != nil || len(lines.GetTimelineEntries()) != 3 {
		t.Fatalf("timeline %v, %v", lines, err)
	}
	first := lines.GetTimelineEntries()[0]
	if first.GetPrincipal() != "tokens/dba" || first.GetAction() != "task.asked" || !strings.HasPrefix(first.GetName(), now.GetName()+"/timeline/") {
		t.Errorf("newest entry %v", first)
	}

	_ = reason(t, "another uid", tell(now.GetName(), "other", "operations/acme.task-3", entry("task.asked")), errs.NotFound, "TENANT_UID_MISMATCH")
	_ = reason(t, "nobody", tell("tenants/nobody", "other", "operations/nobody.task-3", entry("task.asked")), errs.NotFound, "TENANT_NOT_FOUND")
	for what, change := range map[string]func(*registryv1.TimelineEntry){
		"of the tenant":   func(e *registryv1.TimelineEntry) { e.Action = "tenant.deleted" },
		"by nobody":       func(e *registryv1.TimelineEntry) { e.Principal = "" },
		"at no time":      func(e *registryv1.TimelineEntry) { e.CreateTime = nil },
		"without words":   func(e *registryv1.TimelineEntry) { e.Message = "" },
		"with a terminal": func(e *registryv1.TimelineEntry) { e.Message = "\x1b[2J" },
		"too long":        func(e *registryv1.TimelineEntry) { e.Message = strings.Repeat("x", 1001) },
	} {
		bad := proto.CloneOf(entry("task.asked"))
		change(bad)
		_ = reason(t, what, tell(now.GetName(), now.GetUid(), "operations/acme.task-3", bad), errs.InvalidArgument, "EVENT_INVALID")
	}
}
