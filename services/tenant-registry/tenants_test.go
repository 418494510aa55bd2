package tenantregistry_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

func TestCreateResolvesTheNewestRevisionAndTheDefaults(t *testing.T) {
	r := start(t)
	newer := strings.Replace(recipe, "revision: 1.0.0", "revision: 1.10.0", 1)
	for _, source := range []string{newer, strings.Replace(recipe, "revision: 1.0.0", "revision: 1.9.0", 1)} {
		if _, err := r.catalog.CreateRevision(ctx(t), &registryv1.CreateRevisionRequest{Parent: "blueprints/helpdesk", Revision: &registryv1.Revision{Source: source}}); err != nil {
			t.Fatal(err)
		}
	}
	asked := wish("Müller & Söhne")
	asked.Plan = ""
	op, err := r.tenants.CreateTenant(ctx(t), &registryv1.CreateTenantRequest{Tenant: asked})
	if err != nil {
		t.Fatal(err)
	}
	meta := metadata(t, op)
	if op.GetName() != "operations/muller-sohne.1" || op.GetDone() || meta.GetKind() != typev1.OperationMetadata_CREATE || meta.GetState() != typev1.OperationMetadata_QUEUED ||
		meta.GetRevision() != "blueprints/helpdesk/revisions/1.10.0" || meta.GetPlan() == "" || meta.GetTenant() != "tenants/muller-sohne" {
		t.Errorf("operation %v, metadata %v", op, meta)
	}
	got := r.get(t, "muller-sohne")
	if got.GetState() != registryv1.Tenant_CREATING || !got.GetReconciling() || got.GetGeneration() != 1 || got.GetUid() == "" || got.GetEtag() == "" || got.GetTraceparent() == "" {
		t.Errorf("tenant %v", got)
	}
}

func TestInvalidTenantsNameTheField(t *testing.T) {
	r := start(t)
	for name, c := range map[string]struct {
		id     string
		change func(*registryv1.Tenant)
		field  string
	}{
		"upper-case id":       {"Acme", func(*registryv1.Tenant) {}, "tenant_id"},
		"reserved id":         {"-", func(*registryv1.Tenant) {}, "tenant_id"},
		"unknown blueprint":   {"a", func(w *registryv1.Tenant) { w.Blueprint = "blueprints/nope" }, "tenant.blueprint"},
		"unknown revision":    {"a", func(w *registryv1.Tenant) { w.Blueprint = "blueprints/helpdesk/revisions/9.9.9" }, "tenant.blueprint"},
		"malformed blueprint": {"a", func(w *registryv1.Tenant) { w.Blueprint = "x/y/z" }, "tenant.blueprint"},
		"no blueprint":        {"a", func(w *registryv1.Tenant) { w.Blueprint = "" }, "tenant.blueprint"},
		"unknown plan":        {"a", func(w *registryv1.Tenant) { w.Plan = "huge" }, "tenant.plan"},
		"missing input":       {"a", func(w *registryv1.Tenant) { w.Inputs = nil }, "tenant.inputs.seats"},
		"wrong input":         {"a", func(w *registryv1.Tenant) { w.Inputs["seats"] = structpb.NewStringValue("many") }, "tenant.inputs.seats"},
		"unknown input":       {"a", func(w *registryv1.Tenant) { w.Inputs["chairs"] = structpb.NewNumberValue(1) }, "tenant.inputs.chairs"},
		"control characters":  {"a", func(w *registryv1.Tenant) { w.DisplayName = "a\x1bb" }, "tenant.display_name"},
		"turned around":       {"a", func(w *registryv1.Tenant) { w.DisplayName = "a\u202eb" }, "tenant.display_name"},
		"zero width":          {"a", func(w *registryv1.Tenant) { w.DisplayName = "a\u200bb" }, "tenant.display_name"},
		"no name":             {"a", func(w *registryv1.Tenant) { w.DisplayName = "" }, "tenant.display_name"},
		"malformed cell":      {"a", func(w *registryv1.Tenant) { w.Cell = "eu-1" }, "tenant.cell"},
		"deal without id":     {"a", func(w *registryv1.Tenant) { w.Deal = &registryv1.Deal{Source: "sources/crm"} }, "tenant.deal.id"},
		"too large":           {"a", func(w *registryv1.Tenant) { w.Inputs["seats"] = structpb.NewStringValue(strings.Repeat("x", 70_000)) }, "tenant"},
	} {
		asked := wish("A")
		c.change(asked)
		_, err := r.tenants.CreateTenant(ctx(t), &registryv1.CreateTenantRequest{TenantId: c.id, Tenant: asked})
		e, ok := errs.As(err)
		if !ok || e.Kind != errs.InvalidArgument || len(e.Violations) == 0 || e.Violations[0].Field != c.field {
			t.Errorf("%s: %v %+v, want a violation of %s", name, err, e, c.field)
		}
	}
	list, err := r.tenants.ListTenants(ctx(t), &registryv1.ListTenantsRequest{})
	if err != nil || list.GetTotalSize() != 0 {
		t.Errorf("something was stored: %v, %v", list, err)
	}
}

func TestRequestIDMakesCreationRepeatable(t *testing.T) {
	r := start(t)
	req := &registryv1.CreateTenantRequest{Tenant: wish("Acme"), RequestId: "abc"}
	var mu sync.Mutex
	answers := map[string]int{}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			op, err := r.tenants.CreateTenant(ctx(t), req)
			mu.Lock()
			defer mu.Unlock()
			answers[fmt.Sprint(op.GetName(), err)]++
		})
	}
	all.Wait()
	if len(answers) != 1 || answers["operations/acme.1<nil>"] != 20 {
		t.Errorf("answers %v", answers)
	}
	if list, err := r.tenants.ListTenants(ctx(t), &registryv1.ListTenantsRequest{}); err != nil || list.GetTotalSize() != 1 {
		t.Errorf("%v, %v", list, err)
	}
	lines, err := r.tenants.ListTimeline(ctx(t), &registryv1.ListTimelineRequest{Parent: "tenants/acme"})
	if err != nil || len(lines.GetTimelineEntries()) != 1 || lines.GetTimelineEntries()[0].GetPrincipal() != "tokens/admin" {
		t.Errorf("timeline %v, %v", lines, err)
	}
	_, err = r.tenants.CreateTenant(ctx(t), &registryv1.CreateTenantRequest{Tenant: wish("Other"), RequestId: "abc"})
	_ = reason(t, "other payload", err, errs.AlreadyExists, "IDEMPOTENCY_KEY_REUSED")
	_, err = r.tenants.CreateTenant(ctx(t), &registryv1.CreateTenantRequest{TenantId: "acme", Tenant: wish("Acme"), RequestId: "def"})
	_ = reason(t, "same id, other request", err, errs.AlreadyExists, "TENANT_EXISTS")
}

func TestAnIDThatIsMadeIsOneThatIsFree(t *testing.T) {
	r := start(t)
	r.create(t, "acme")
	req := &registryv1.CreateTenantRequest{Tenant: wish("Acme"), RequestId: "abc"}
	for range 2 { // the same request gets the same number
		if op, err := r.tenants.CreateTenant(ctx(t), req); err != nil || op.GetName() != "operations/acme-2.1" {
			t.Errorf("%v, %v", op, err)
		}
	}
	op, err := r.tenants.CreateTenant(ctx(t), &registryv1.CreateTenantRequest{Tenant: wish("Acme"), ValidateOnly: true})
	would := &registryv1.Tenant{}
	if err != nil || op.GetResponse().UnmarshalTo(would) != nil || would.GetName() != "tenants/acme-3" {
		t.Errorf("would be %v, %v", would, err)
	}
}

func TestRefusalsAreForPeople(t *testing.T) {
	r := start(t)
	for id, want := range map[string]string{
		"Acme_1": `tenant_id: must be lower-case letters, digits and "-", beginning with a letter, not ending with "-", at most 40 characters`,
		"-":      "tenant_id: must be lower-case letters",
	} {
		_, err := r.tenants.CreateTenant(ctx(t), &registryv1.CreateTenantRequest{TenantId: id, Tenant: wish("Acme")})
		if refused := reason(t, id, err, errs.InvalidArgument, "INVALID_REQUEST"); !strings.Contains(refused.Message, want) || strings.HasPrefix(refused.Message, "invalid") {
			t.Errorf("%q: %s", id, refused.Message)
		}
	}
	_, err := r.tenants.GetTenant(ctx(t), &registryv1.GetTenantRequest{Name: "tenants/nobody"})
	if missing := reason(t, "missing", err, errs.NotFound, "TENANT_NOT_FOUND"); missing.Message != `tenant "nobody" does not exist` {
		t.Errorf("got %q", missing.Message)
	}
}

func TestValidateOnlyWritesNothing(t *testing.T) {
	r := start(t)
	op, err := r.tenants.CreateTenant(ctx(t), &registryv1.CreateTenantRequest{TenantId: "acme", Tenant: wish("Acme"), ValidateOnly: true, RequestId: "abc"})
	would := &registryv1.Tenant{}
	if err != nil || !op.GetDone() || op.GetName() != "" || op.GetResponse().UnmarshalTo(would) != nil || would.GetBlueprint() != "blueprints/helpdesk/revisions/1.0.0" {
		t.Errorf("%v, %v", op, err)
	}
	_, err = r.tenants.GetTenant(ctx(t), &registryv1.GetTenantRequest{Name: "tenants/acme"})
	_ = reason(t, "get", err, errs.NotFound, "TENANT_NOT_FOUND")
	r.create(t, "acme")
	_, err = r.tenants.CreateTenant(ctx(t), &registryv1.CreateTenantRequest{TenantId: "acme", Tenant: wish("Acme"), ValidateOnly: true})
	_ = reason(t, "taken", err, errs.AlreadyExists, "TENANT_EXISTS")
	before := r.get(t, "acme")
	_, err = r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{Tenant: &registryv1.Tenant{Name: "tenants/acme", Plan: "pro"}, ValidateOnly: true})
	if after := r.get(t, "acme"); err != nil || after.GetEtag() != before.GetEtag() || after.GetPlan() != "starter" {
		t.Errorf("update wrote: %v, %v", after, err)
	}
}

func TestUpdate(t *testing.T) {
	r := start(t)
	r.create(t, "acme")
	update := func(tenant *registryv1.Tenant, paths ...string) (*registryv1.Tenant, error) {
		tenant.Name = "tenants/acme"
		req := &registryv1.UpdateTenantRequest{Tenant: tenant}
		if paths != nil {
			req.UpdateMask = &fieldmaskpb.FieldMask{Paths: paths}
		}
		_, err := r.tenants.UpdateTenant(ctx(t), req)
		return r.get(t, "acme"), err
	}
	first := r.get(t, "acme")
	same, err := update(&registryv1.Tenant{Plan: "starter", Blueprint: "blueprints/helpdesk"}, "plan", "blueprint", "name")
	if err != nil || same.GetEtag() != first.GetEtag() || same.GetGeneration() != 1 {
		t.Errorf("an update without a change: %v, %v", same, err)
	}
	labelled, err := update(&registryv1.Tenant{Labels: map[string]string{"tier": "gold", "x": "y"}})
	if err != nil || labelled.GetEtag() == first.GetEtag() || labelled.GetGeneration() != 1 || labelled.GetPlan() != "starter" {
		t.Errorf("labels only: %v, %v", labelled, err)
	}
	one, err := update(&registryv1.Tenant{Labels: map[string]string{"tier": "tin"}}, "labels.tier", "labels.x", "contact.email")
	if err != nil || one.GetLabels()["tier"] != "tin" || len(one.GetLabels()) != 1 {
		t.Errorf("labels by key: %v, %v", one, err)
	}
	bigger, err := update(&registryv1.Tenant{Plan: "pro"}, "plan")
	if err != nil || bigger.GetGeneration() != 2 || bigger.GetPlan() != "pro" || !bigger.GetGenerationTime().AsTime().After(first.GetGenerationTime().AsTime()) {
		t.Errorf("another plan: %v, %v", bigger, err)
	}
	_, err = update(&registryv1.Tenant{Plan: "starter", Etag: first.GetEtag()}, "plan")
	_ = reason(t, "old etag", err, errs.Conflict, "ETAG_MISMATCH")
	_, err = update(&registryv1.Tenant{}, "nope")
	_ = reason(t, "unknown path", err, errs.InvalidArgument, "MASK_INVALID")
	_, err = update(&registryv1.Tenant{Suspended: true}, "plan", "suspended")
	violates(t, "output only", err, "MASK_INVALID", "update_mask")
	if now, err := update(&registryv1.Tenant{Suspended: true}); err != nil || now.GetSuspended() {
		t.Errorf("output only, and not named: %v, %v", now, err)
	}
	_, err = update(&registryv1.Tenant{Deal: &registryv1.Deal{Source: "sources/crm", Id: "1"}}, "deal")
	_ = reason(t, "another deal", err, errs.InvalidArgument, "FIELD_IMMUTABLE")
	whole, err := update(wish("Acme Two"), "*")
	if err != nil || whole.GetDisplayName() != "Acme Two" || len(whole.GetLabels()) != 0 || whole.GetUid() != first.GetUid() {
		t.Errorf("all fields: %v, %v", whole, err)
	}
	if err := r.report(t, "acme", registryv1.TenantStatus_DONE, 1); err != nil {
		t.Fatal(err)
	}
	_, err = update(&registryv1.Tenant{Region: "us"}, "region")
	_ = reason(t, "region of a stamp", err, errs.InvalidArgument, "FIELD_IMMUTABLE")
}

func TestAllowMissingCreates(t *testing.T) {
	r := start(t)
	asked := wish("Acme")
	asked.Name = "tenants/acme"
	_, err := r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{Tenant: asked})
	_ = reason(t, "missing", err, errs.NotFound, "TENANT_NOT_FOUND")
	for range 2 { // applying it again changes nothing
		op, err := r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{Tenant: asked, AllowMissing: true})
		if err != nil || op.GetName() != "operations/acme.1" {
			t.Errorf("%v, %v", op, err)
		}
	}
}

func TestLife(t *testing.T) {
	r := start(t)
	r.create(t, "acme")
	name := "tenants/acme"
	revision := int64(0)
	done := func(phase registryv1.TenantStatus_Phase) {
		t.Helper()
		revision++
		if err := r.report(t, "acme", phase, revision); err != nil {
			t.Fatal(err)
		}
	}
	state := func(want registryv1.Tenant_State) {
		t.Helper()
		if got := r.get(t, "acme"); got.GetState() != want {
			t.Errorf("state %s, want %s", got.GetState(), want)
		}
	}
	done(registryv1.TenantStatus_IN_PROGRESS)
	state(registryv1.Tenant_CREATING)
	done(registryv1.TenantStatus_DONE)
	state(registryv1.Tenant_ACTIVE)

	op, err := r.tenants.SuspendTenant(ctx(t), &registryv1.SuspendTenantRequest{Name: name, Reason: "unpaid"})
	if err != nil || metadata(t, op).GetKind() != typev1.OperationMetadata_SUSPEND || op.GetName() != "operations/acme.2" {
		t.Errorf("%v, %v", op, err)
	}
	state(registryv1.Tenant_SUSPENDING)
	if again, err := r.tenants.SuspendTenant(ctx(t), &registryv1.SuspendTenantRequest{Name: name}); err != nil || again.GetName() != op.GetName() {
		t.Errorf("suspended twice: %v, %v", again, err)
	}
	done(registryv1.TenantStatus_DONE)
	state(registryv1.Tenant_SUSPENDED)
	if again, err := r.tenants.SuspendTenant(ctx(t), &registryv1.SuspendTenantRequest{Name: name}); err != nil || !again.GetDone() {
		t.Errorf("an operation that is done: %v, %v", again, err)
	}
	op, err = r.tenants.ResumeTenant(ctx(t), &registryv1.ResumeTenantRequest{Name: name})
	if err != nil || metadata(t, op).GetKind() != typev1.OperationMetadata_RESUME {
		t.Errorf("%v, %v", op, err)
	}
	done(registryv1.TenantStatus_GAVE_UP)
	state(registryv1.Tenant_FAILED)
	if _, err = r.tenants.RetryTenant(ctx(t), &registryv1.RetryTenantRequest{Name: name}); err != nil {
		t.Error(err)
	}
	state(registryv1.Tenant_UPDATING)
	done(registryv1.TenantStatus_DONE)

	_, err = r.tenants.PurgeTenant(ctx(t), &registryv1.PurgeTenantRequest{Name: name})
	_ = reason(t, "purge of a living one", err, errs.FailedPrecondition, "TENANT_NOT_DELETED")
	if _, err := r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{Tenant: &registryv1.Tenant{Name: name, DeletionProtection: true}}); err != nil {
		t.Fatal(err)
	}
	_, err = r.tenants.DeleteTenant(ctx(t), &registryv1.DeleteTenantRequest{Name: name})
	_ = reason(t, "protected", err, errs.FailedPrecondition, "TENANT_PROTECTED")
	if _, err := r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{Tenant: &registryv1.Tenant{Name: name}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"deletion_protection"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.tenants.DeleteTenant(ctx(t), &registryv1.DeleteTenantRequest{Name: name}); err != nil {
		t.Fatal(err)
	}
	state(registryv1.Tenant_DELETING)
	_, err = r.tenants.DeleteTenant(ctx(t), &registryv1.DeleteTenantRequest{Name: name})
	_ = reason(t, "deleted twice", err, errs.NotFound, "TENANT_DELETED")
	if _, err = r.tenants.DeleteTenant(ctx(t), &registryv1.DeleteTenantRequest{Name: name, AllowMissing: true}); err != nil {
		t.Error(err)
	}
	_, err = r.tenants.SuspendTenant(ctx(t), &registryv1.SuspendTenantRequest{Name: name})
	_ = reason(t, "suspend of a deleted one", err, errs.FailedPrecondition, "TENANT_DELETED")
	done(registryv1.TenantStatus_DONE)
	state(registryv1.Tenant_DELETED)
	for show, want := range map[bool]int32{false: 0, true: 1} {
		if list, err := r.tenants.ListTenants(ctx(t), &registryv1.ListTenantsRequest{ShowDeleted: show}); err != nil || list.GetTotalSize() != want {
			t.Errorf("list with show_deleted %v: %v, %v", show, list, err)
		}
	}

	uid := r.get(t, "acme").GetUid()
	_ = reason(t, "purged before asked", r.report(t, "acme", registryv1.TenantStatus_PURGED, 90), errs.FailedPrecondition, "TENANT_NOT_PURGING")
	op, err = r.tenants.PurgeTenant(ctx(t), &registryv1.PurgeTenantRequest{Name: name})
	if err != nil || metadata(t, op).GetKind() != typev1.OperationMetadata_PURGE {
		t.Fatalf("%v, %v", op, err)
	}
	generation := metadata(t, op).GetGeneration()
	for range 2 { // the first answer may have been lost
		_, err = r.reports.ReportStatus(context.Background(), &registryv1.ReportStatusRequest{Name: name, Uid: uid, Status: &registryv1.TenantStatus{
			ObservedGeneration: generation, Phase: registryv1.TenantStatus_PURGED, Token: 1, StampRevision: 91}})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = r.tenants.GetTenant(ctx(t), &registryv1.GetTenantRequest{Name: name})
	_ = reason(t, "get after purge", err, errs.NotFound, "TENANT_NOT_FOUND")
	_, err = r.tenants.CreateTenant(ctx(t), &registryv1.CreateTenantRequest{TenantId: "acme", Tenant: wish("Acme")})
	_ = reason(t, "create after purge", err, errs.AlreadyExists, "TENANT_ID_PURGED")

	lines, err := r.tenants.ListTimeline(ctx(t), &registryv1.ListTimelineRequest{Parent: name})
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, line := range lines.GetTimelineEntries() {
		actions = append(actions, strings.TrimPrefix(line.GetAction(), "tenant."))
	}
	want := "purged purging deleted deleting updated updated active retried failed resuming suspended suspending active created"
	if got := strings.Join(actions, " "); got != want {
		t.Errorf("timeline\n%s\nwant\n%s", got, want)
	}
	_, err = r.tenants.ListTimeline(ctx(t), &registryv1.ListTimelineRequest{Parent: "tenants/nobody"})
	_ = reason(t, "timeline of nobody", err, errs.NotFound, "TENANT_NOT_FOUND")
}

func TestReportsAreOrdered(t *testing.T) {
	r := start(t)
	r.create(t, "acme")
	now := r.get(t, "acme")
	send := func(uid string, token, revision, generation int64) error {
		_, err := r.reports.ReportStatus(context.Background(), &registryv1.ReportStatusRequest{Name: "tenants/acme", Uid: uid, Status: &registryv1.TenantStatus{
			ObservedGeneration: generation, Phase: registryv1.TenantStatus_IN_PROGRESS, Token: token, StampRevision: revision}})
		return err
	}
	for _, c := range []struct {
		token, revision int64
		stale           bool
	}{{5, 10, false}, {5, 10, false}, {5, 9, true}, {4, 99, true}, {5, 11, false}, {6, 1, false}, {5, 12, true}} {
		err := send(now.GetUid(), c.token, c.revision, 1)
		if c.stale {
			_ = reason(t, fmt.Sprint(c), err, errs.Conflict, "STALE_REPORT")
		} else if err != nil {
			t.Errorf("%v: %v", c, err)
		}
	}
	_ = reason(t, "another uid", send("other", 9, 9, 1), errs.NotFound, "TENANT_UID_MISMATCH")
	_ = reason(t, "a generation to come", send(now.GetUid(), 9, 9, 2), errs.InvalidArgument, "GENERATION_UNKNOWN")
	if after := r.get(t, "acme"); after.GetEtag() != now.GetEtag() || after.GetGeneration() != 1 || after.GetStatus().GetToken() != 6 {
		t.Errorf("after reports: %v", after)
	}
}

// Two replicas may both believe to be the owner: what one of them said stays.
func TestReportsDoNotContradict(t *testing.T) {
	r := start(t)
	r.create(t, "acme")
	uid := r.get(t, "acme").GetUid()
	if _, err := r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{Tenant: &registryv1.Tenant{Name: "tenants/acme", Plan: "pro"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		st    *registryv1.TenantStatus
		stale bool
	}{
		{"first", &registryv1.TenantStatus{ObservedGeneration: 2, Url: "http://a", Token: 5, StampRevision: 10}, false},
		{"again, later and in another trace", &registryv1.TenantStatus{ObservedGeneration: 2, Url: "http://a", Token: 5, StampRevision: 10, UpdateTime: timestamppb.Now(), TraceId: "t"}, false},
		{"otherwise", &registryv1.TenantStatus{ObservedGeneration: 2, Url: "http://b", Token: 5, StampRevision: 10}, true},
		{"of an earlier generation, by the next owner", &registryv1.TenantStatus{ObservedGeneration: 1, Url: "http://b", Token: 6, StampRevision: 10}, true},
		{"by the next owner", &registryv1.TenantStatus{ObservedGeneration: 2, Url: "http://c", Token: 6, StampRevision: 10}, false},
	} {
		c.st.Phase = registryv1.TenantStatus_DONE
		_, err := r.reports.ReportStatus(context.Background(), &registryv1.ReportStatusRequest{Name: "tenants/acme", Uid: uid, Status: c.st})
		if c.stale {
			_ = reason(t, c.name, err, errs.Conflict, "STALE_REPORT")
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if url := r.get(t, "acme").GetStatus().GetUrl(); url != "http://c" {
		t.Errorf("its address is %s", url)
	}
}

func TestListFiltersAndPages(t *testing.T) {
	r := start(t)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		r.create(t, id)
	}
	if err := r.report(t, "c", registryv1.TenantStatus_DONE, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{Tenant: &registryv1.Tenant{Name: "tenants/b", Plan: "pro", Labels: map[string]string{"tier": "gold"}}}); err != nil {
		t.Fatal(err)
	}
	for filter, want := range map[string]string{
		`state = ACTIVE`: "c", `plan = pro`: "b", `labels.tier = "gold"`: "b", `status.url:"20001"`: "c", `cell = "cells/eu-1"`: "c",
		`state = CREATING AND plan = starter`: "a d e", `display_name = "a" OR name = "tenants/e"`: "a e", `blueprint = "*1.0.0"`: "a b c d e",
		`blueprint = "helpdesk" AND name = "a"`: "a", `blueprint = "blueprints/helpdesk"`: "a b c d e", `blueprint = "helpdesk@1.0.0"`: "a b c d e",
		`blueprint = "help"`: "", `blueprint != "helpdesk"`: "", `cell = "eu-1"`: "c",
	} {
		list, err := r.tenants.ListTenants(ctx(t), &registryv1.ListTenantsRequest{Filter: filter})
		var got []string
		for _, tenant := range list.GetTenants() {
			got = append(got, strings.TrimPrefix(tenant.GetName(), "tenants/"))
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("filter %s: %v, %v; want %s", filter, got, err, want)
		}
	}
	page, err := r.tenants.ListTenants(ctx(t), &registryv1.ListTenantsRequest{PageSize: 2, OrderBy: "display_name desc"})
	if err != nil || len(page.GetTenants()) != 2 || page.GetTotalSize() != 5 || page.GetTenants()[0].GetName() != "tenants/e" {
		t.Fatalf("%v, %v", page, err)
	}
	_, err = r.tenants.ListTenants(ctx(t), &registryv1.ListTenantsRequest{PageToken: page.GetNextPageToken(), OrderBy: "display_name"})
	_ = reason(t, "token of another query", err, errs.InvalidArgument, "PAGE_TOKEN_INVALID")
	_, err = r.tenants.ListTenants(ctx(t), &registryv1.ListTenantsRequest{Filter: "nope = 1"})
	_ = reason(t, "unknown field", err, errs.InvalidArgument, "FILTER_INVALID")
}
