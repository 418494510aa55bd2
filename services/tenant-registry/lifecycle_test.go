package tenantregistry_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

const acme = "tenants/acme"

// publish adds a revision of the helpdesk; more is put before its plans.
func (r *registry) publish(t testing.TB, version, more string) {
	t.Helper()
	source := strings.Replace(recipe, "revision: 1.0.0", "revision: "+version, 1)
	source = strings.Replace(source, "plans:\n", more+"plans:\n", 1)
	if _, err := r.catalog.CreateRevision(ctx(t), &registryv1.CreateRevisionRequest{Parent: "blueprints/helpdesk", Revision: &registryv1.Revision{Source: source}}); err != nil {
		t.Fatal(err)
	}
}

// lively is a registry with acme, whose stamp answers.
func lively(t testing.TB) *registry {
	t.Helper()
	r := start(t)
	r.create(t, "acme")
	r.done(t, 1)
	return r
}

func (r *registry) done(t testing.TB, revision int64) {
	t.Helper()
	if err := r.report(t, "acme", registryv1.TenantStatus_DONE, revision); err != nil {
		t.Fatal(err)
	}
}

// newestEntry is the last line of acme's timeline.
func (r *registry) newestEntry(t testing.TB) *registryv1.TimelineEntry {
	t.Helper()
	lines, err := r.tenants.ListTimeline(ctx(t), &registryv1.ListTimelineRequest{Parent: acme, PageSize: 1})
	if err != nil || len(lines.GetTimelineEntries()) != 1 {
		t.Fatalf("timeline: %v, %v", lines, err)
	}
	return lines.GetTimelineEntries()[0]
}

func violates(t testing.TB, what string, err error, reasonWant, field string) {
	t.Helper()
	if e := reason(t, what, err, errs.InvalidArgument, reasonWant); len(e.Violations) == 0 || e.Violations[0].Field != field {
		t.Errorf("%s: violations %v, want one of %s", what, e.Violations, field)
	}
}

func TestUpgrade(t *testing.T) {
	r := lively(t)
	upgrade := func(change func(*registryv1.UpgradeTenantRequest)) (*typev1.OperationMetadata, error) {
		req := &registryv1.UpgradeTenantRequest{Name: acme}
		change(req)
		op, err := r.tenants.UpgradeTenant(ctx(t), req)
		if err != nil {
			return nil, err
		}
		return metadata(t, op), nil
	}
	to := func(revision string) func(*registryv1.UpgradeTenantRequest) {
		return func(req *registryv1.UpgradeTenantRequest) { req.Revision = revision }
	}
	if m, err := upgrade(to("")); err != nil || m.GetGeneration() != 1 || m.GetState() != typev1.OperationMetadata_SUCCEEDED {
		t.Errorf("to what runs: %v, %v", m, err)
	}
	r.publish(t, "1.1.0", "")
	r.publish(t, "1.2.0", "upgrade_from: \">=1.1.0\"\n")
	_, err := upgrade(to("blueprints/helpdesk/revisions/1.2.0"))
	_ = reason(t, "outside upgrade_from", err, errs.FailedPrecondition, "UPGRADE_REFUSED")
	_, err = upgrade(to("blueprints/helpdesk/revisions/7.0.0"))
	violates(t, "unknown revision", err, "REVISION_NOT_FOUND", "revision")
	_, err = upgrade(func(req *registryv1.UpgradeTenantRequest) { req.Etag = "old" })
	_ = reason(t, "old etag", err, errs.Conflict, "ETAG_MISMATCH")
	to11 := to("blueprints/helpdesk/revisions/1.1.0")
	if m, err := upgrade(func(req *registryv1.UpgradeTenantRequest) { to11(req); req.ValidateOnly = true }); err != nil || m.GetKind() != typev1.OperationMetadata_UPGRADE || r.get(t, "acme").GetGeneration() != 1 {
		t.Errorf("validate only: %v, %v", m, err)
	}
	for range 2 { // the second changes nothing
		m, err := upgrade(func(req *registryv1.UpgradeTenantRequest) { to11(req); req.Reason = "fixes search" })
		if err != nil || m.GetKind() != typev1.OperationMetadata_UPGRADE || m.GetGeneration() != 2 || m.GetRevision() != "blueprints/helpdesk/revisions/1.1.0" {
			t.Errorf("%v, %v", m, err)
		}
	}
	if e := r.newestEntry(t); e.GetAction() != "tenant.upgrading" || e.GetMessage() != "Upgrade to 1.1.0 asked for: fixes search" || e.GetPrincipal() != "tokens/admin" {
		t.Errorf("timeline %v", e)
	}
	// It waits for its window: now it need not. That is no new generation.
	for range 2 {
		if m, err := upgrade(func(req *registryv1.UpgradeTenantRequest) { to11(req); req.Now = true }); err != nil || m.GetGeneration() != 2 {
			t.Errorf("hurried: %v, %v", m, err)
		}
	}
	if now := r.get(t, "acme"); now.GetUrgentGeneration() != 2 {
		t.Errorf("hurried: %v", now)
	}
	r.done(t, 2)
	if m, err := upgrade(func(req *registryv1.UpgradeTenantRequest) { req.Now = true }); err != nil || m.GetRevision() != "blueprints/helpdesk/revisions/1.2.0" || r.get(t, "acme").GetUrgentGeneration() != 3 {
		t.Errorf("to the newest, now: %v, %v", m, err)
	}
	r.done(t, 3)
	_, err = upgrade(to11)
	_ = reason(t, "downgrade", err, errs.FailedPrecondition, "UPGRADE_REFUSED")
	if _, err := r.tenants.DeleteTenant(ctx(t), &registryv1.DeleteTenantRequest{Name: acme}); err != nil {
		t.Fatal(err)
	}
	_, err = upgrade(to(""))
	_ = reason(t, "deleted", err, errs.FailedPrecondition, "TENANT_DELETED")
}

func TestUpgradeChecksTheInputsOfTheNewRevision(t *testing.T) {
	r := lively(t)
	source := strings.Replace(recipe, "revision: 1.0.0", "revision: 1.1.0", 1)
	source = strings.Replace(source, "inputs:\n", "inputs:\n  domain: {type: STRING, required: true}\n", 1)
	if _, err := r.catalog.CreateRevision(ctx(t), &registryv1.CreateRevisionRequest{Parent: "blueprints/helpdesk", Revision: &registryv1.Revision{Source: source}}); err != nil {
		t.Fatal(err)
	}
	_, err := r.tenants.UpgradeTenant(ctx(t), &registryv1.UpgradeTenantRequest{Name: acme})
	violates(t, "an input is missing", err, "INPUTS_INVALID", "tenant.inputs.domain")
	if now := r.get(t, "acme"); now.GetGeneration() != 1 {
		t.Errorf("it was begun: %v", now)
	}
	domain := map[string]*structpb.Value{"domain": structpb.NewStringValue("acme.example")}
	before := r.get(t, "acme").GetInputs()
	op, err := r.tenants.UpgradeTenant(ctx(t), &registryv1.UpgradeTenantRequest{Name: acme, Inputs: domain})
	if err != nil || metadata(t, op).GetKind() != typev1.OperationMetadata_UPGRADE || metadata(t, op).GetGeneration() != 2 {
		t.Fatalf("with it: %v, %v", op, err)
	}
	after := r.get(t, "acme").GetInputs()
	if after["domain"].GetStringValue() != "acme.example" || len(after) != len(before)+1 {
		t.Errorf("inputs %v, before %v", after, before)
	}
	if e := r.newestEntry(t); !slices.Equal(e.GetFields(), []string{"blueprint", "inputs"}) {
		t.Errorf("timeline %v", e)
	}
	_, err = r.tenants.UpgradeTenant(ctx(t), &registryv1.UpgradeTenantRequest{Name: acme, Inputs: domain})
	violates(t, "inputs without an upgrade", err, "INPUTS_INVALID", "inputs")
}

// A failed upgrade leaves a stamp that serves; from there all ways are open.
func TestAnUpgradeThatWasRolledBack(t *testing.T) {
	r := lively(t)
	r.publish(t, "1.1.0", "")
	r.publish(t, "1.1.1", "upgrade_from: \">=1.0.0\"\n")
	const first, broken = "blueprints/helpdesk/revisions/1.0.0", "blueprints/helpdesk/revisions/1.1.0"
	patch := func(revision string) *typev1.OperationMetadata {
		t.Helper()
		op, err := r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{
			Tenant: &registryv1.Tenant{Name: acme, Blueprint: revision}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"blueprint"}}})
		if err != nil {
			t.Fatal(err)
		}
		return metadata(t, op)
	}
	back := func(revision int64) {
		t.Helper()
		now := r.get(t, "acme")
		if _, err := r.reports.ReportStatus(context.Background(), &registryv1.ReportStatusRequest{Name: acme, Uid: now.GetUid(), Status: &registryv1.TenantStatus{
			ObservedGeneration: now.GetGeneration(), Phase: registryv1.TenantStatus_ROLLED_BACK, Token: 1, StampRevision: revision, Revision: first,
			Url: "http://127.0.0.1:20001", Cell: "cells/eu-1", Failure: &typev1.Failure{Message: "migration ended with 1"}}}); err != nil {
			t.Fatal(err)
		}
	}
	if m := patch(broken); m.GetKind() != typev1.OperationMetadata_UPGRADE {
		t.Errorf("kind %s of a patch that changes the revision", m.GetKind())
	}
	back(2)
	if now := r.get(t, "acme"); now.GetState() != registryv1.Tenant_ACTIVE || now.GetReconciling() || now.GetStatus().GetFailure() == nil {
		t.Errorf("rolled back: %v", now)
	}
	if e := r.newestEntry(t); e.GetAction() != "tenant.rolled_back" || e.GetMessage() != "Upgrade to 1.1.0 failed, back on 1.0.0: migration ended with 1" {
		t.Errorf("timeline %v", e)
	}
	op, err := r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{Tenant: &registryv1.Tenant{Name: acme, Labels: map[string]string{"tier": "gold"}}})
	if m := metadata(t, op); err != nil || m.GetGeneration() != 2 || m.GetState() != typev1.OperationMetadata_FAILED || m.GetFailure() == nil || m.GetEndTime() == nil {
		t.Errorf("a change that begins nothing: %v, %v", op, err)
	}
	op, err = r.tenants.UpgradeTenant(ctx(t), &registryv1.UpgradeTenantRequest{Name: acme, Revision: broken})
	if err != nil || metadata(t, op).GetState() != typev1.OperationMetadata_QUEUED || metadata(t, op).GetGeneration() != 3 || metadata(t, op).GetKind() != typev1.OperationMetadata_UPGRADE {
		t.Errorf("another try: %v, %v", op, err)
	}
	back(3)
	op, err = r.tenants.RetryTenant(ctx(t), &registryv1.RetryTenantRequest{Name: acme})
	if err != nil || metadata(t, op).GetGeneration() != 4 {
		t.Errorf("retry: %v, %v", op, err)
	}
	back(4)
	if m := patch(first); m.GetGeneration() != 5 {
		t.Errorf("back to what runs: %v", m)
	}
	r.done(t, 5)
	if op, err := r.tenants.UpgradeTenant(ctx(t), &registryv1.UpgradeTenantRequest{Name: acme}); err != nil || metadata(t, op).GetRevision() != "blueprints/helpdesk/revisions/1.1.1" {
		t.Errorf("to the corrected one: %v, %v", op, err)
	}
}

func TestUndelete(t *testing.T) {
	for suspended, want := range map[bool]registryv1.Tenant_State{false: registryv1.Tenant_ACTIVE, true: registryv1.Tenant_SUSPENDED} {
		r := lively(t)
		undelete := func() (*typev1.OperationMetadata, error) {
			op, err := r.tenants.UndeleteTenant(ctx(t), &registryv1.UndeleteTenantRequest{Name: acme})
			if err != nil {
				return nil, err
			}
			return metadata(t, op), nil
		}
		_, err := undelete()
		_ = reason(t, "a living one", err, errs.AlreadyExists, "TENANT_NOT_DELETED")
		if suspended {
			if _, err := r.tenants.SuspendTenant(ctx(t), &registryv1.SuspendTenantRequest{Name: acme}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.tenants.DeleteTenant(ctx(t), &registryv1.DeleteTenantRequest{Name: acme}); err != nil {
			t.Fatal(err)
		}
		r.done(t, 2)
		before := r.get(t, "acme")
		m, err := undelete()
		kind := map[bool]typev1.OperationMetadata_Kind{false: typev1.OperationMetadata_RESUME, true: typev1.OperationMetadata_SUSPEND}[suspended]
		if err != nil || m.GetKind() != kind || m.GetGeneration() != before.GetGeneration()+1 {
			t.Errorf("%v, %v", m, err)
		}
		if e := r.newestEntry(t); e.GetAction() != "tenant.undeleting" {
			t.Errorf("timeline %v", e)
		}
		r.done(t, 3)
		if now := r.get(t, "acme"); now.GetState() != want || now.GetDeleteTime() != nil || now.GetPurgeTime() != nil {
			t.Errorf("undeleted: %v", now)
		}
		if _, err := r.tenants.DeleteTenant(ctx(t), &registryv1.DeleteTenantRequest{Name: acme}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.tenants.PurgeTenant(ctx(t), &registryv1.PurgeTenantRequest{Name: acme}); err != nil {
			t.Fatal(err)
		}
		_, err = undelete()
		_ = reason(t, "one that is purged", err, errs.FailedPrecondition, "TENANT_PURGING")
	}
}

// A reason that turns the direction of the text around reads as another.
func TestReasonThatIsNotShown(t *testing.T) {
	r := lively(t)
	for _, why := range []string{"unpaid \u202ecba", "un\u200bpaid", "a\x1b[2J"} {
		_, err := r.tenants.SuspendTenant(ctx(t), &registryv1.SuspendTenantRequest{Name: acme, Reason: why})
		violates(t, "suspend", err, "TENANT_INVALID", "reason")
		_, err = r.tenants.UpgradeTenant(ctx(t), &registryv1.UpgradeTenantRequest{Name: acme, Reason: why})
		violates(t, "upgrade", err, "TENANT_INVALID", "reason")
	}
}

func TestHold(t *testing.T) {
	r := lively(t)
	hold := func(change func(*registryv1.HoldTenantRequest)) (*registryv1.Tenant, error) {
		req := &registryv1.HoldTenantRequest{Name: acme, Owner: "dana", Reason: "audit", ExpireTime: timestamppb.New(time.Now().Add(time.Hour))}
		change(req)
		return r.tenants.HoldTenant(ctx(t), req)
	}
	for name, c := range map[string]struct {
		change        func(*registryv1.HoldTenantRequest)
		reason, field string
	}{
		"no owner":     {func(h *registryv1.HoldTenantRequest) { h.Owner = "" }, "INVALID_REQUEST", "owner"},
		"blank owner":  {func(h *registryv1.HoldTenantRequest) { h.Owner = " " }, "HOLD_INVALID", "owner"},
		"no reason":    {func(h *registryv1.HoldTenantRequest) { h.Reason = "" }, "INVALID_REQUEST", "reason"},
		"two lines":    {func(h *registryv1.HoldTenantRequest) { h.Reason = "a\nb" }, "HOLD_INVALID", "reason"},
		"turned owner": {func(h *registryv1.HoldTenantRequest) { h.Owner = "dana\u202ecba" }, "HOLD_INVALID", "owner"},
		"turned text":  {func(h *registryv1.HoldTenantRequest) { h.Reason = "audit \u2066x" }, "HOLD_INVALID", "reason"},
		"no end":       {func(h *registryv1.HoldTenantRequest) { h.ExpireTime = nil }, "INVALID_REQUEST", "expire_time"},
		"over already": {func(h *registryv1.HoldTenantRequest) { h.ExpireTime = timestamppb.New(time.Now().Add(-time.Second)) }, "HOLD_INVALID", "expire_time"},
		"too long": {func(h *registryv1.HoldTenantRequest) {
			h.ExpireTime = timestamppb.New(time.Now().Add(367 * 24 * time.Hour))
		}, "HOLD_INVALID", "expire_time"},
	} {
		_, err := hold(c.change)
		violates(t, name, err, c.reason, c.field)
	}
	before := r.get(t, "acme")
	_, err := hold(func(h *registryv1.HoldTenantRequest) { h.Etag = "old" })
	_ = reason(t, "old etag", err, errs.Conflict, "ETAG_MISMATCH")
	end := timestamppb.New(time.Now().Add(time.Hour))
	same := func(h *registryv1.HoldTenantRequest) { h.ExpireTime = end }
	held, err := hold(same)
	if err != nil || held.GetHold().GetOwner() != "dana" || held.GetHold().GetCreateTime() == nil || held.GetGeneration() != 1 || held.GetReconciling() || held.GetEtag() == before.GetEtag() {
		t.Errorf("%v, %v", held, err)
	}
	if again, err := hold(same); err != nil || again.GetEtag() != held.GetEtag() {
		t.Errorf("the same again: %v, %v", again, err)
	}
	kim := func(h *registryv1.HoldTenantRequest) { h.Owner, h.ExpireTime = "kim", end }
	_, err = hold(kim)
	if e := reason(t, "another's", err, errs.FailedPrecondition, "TENANT_HELD"); e.Metadata["owner"] != "dana" || !strings.Contains(e.Message, "replace") {
		t.Errorf("another's: %v", e)
	}
	for owner, change := range map[string]func(*registryv1.HoldTenantRequest){
		"kim":  func(h *registryv1.HoldTenantRequest) { kim(h); h.Replace = true },
		"dana": func(h *registryv1.HoldTenantRequest) { same(h); h.Replace = true },
	} {
		if taken, err := hold(change); err != nil || taken.GetHold().GetOwner() != owner {
			t.Errorf("%s in place of another: %v, %v", owner, taken, err)
		}
		if longer, err := hold(func(h *registryv1.HoldTenantRequest) { change(h); h.Replace, h.Reason = false, "audit" }); err != nil || longer.GetHold().GetOwner() != owner {
			t.Errorf("%s again: %v, %v", owner, longer, err)
		}
	}
	if e := r.newestEntry(t); e.GetAction() != "tenant.held" || e.GetPrincipal() != "tokens/admin" || !strings.HasSuffix(e.GetMessage(), ": audit") {
		t.Errorf("timeline %v", e)
	}
	if _, err := r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{Tenant: &registryv1.Tenant{Name: acme, Plan: "pro"}}); err != nil || r.get(t, "acme").GetGeneration() != 2 {
		t.Errorf("a change of a held one: %v", err)
	}
	for range 2 {
		if free, err := r.tenants.UnholdTenant(ctx(t), &registryv1.UnholdTenantRequest{Name: acme}); err != nil || free.GetHold() != nil || free.GetGeneration() != 2 {
			t.Errorf("%v, %v", free, err)
		}
	}
	if e := r.newestEntry(t); e.GetAction() != "tenant.unheld" {
		t.Errorf("timeline %v", e)
	}
}

// What stops a stamp is about the revision that runs, what starts it about the one
// that is wished, as the provisioner has it.
func TestTheRevisionOfTheAnswer(t *testing.T) {
	r := lively(t)
	r.publish(t, "1.1.0", "")
	running := r.get(t, "acme").GetBlueprint()
	op, err := r.tenants.UpgradeTenant(ctx(t), &registryv1.UpgradeTenantRequest{Name: acme})
	if err != nil {
		t.Fatal(err)
	}
	wished := r.get(t, "acme").GetBlueprint()
	if got := metadata(t, op).GetRevision(); got != wished || got == running {
		t.Errorf("the upgrade is about %s, want %s", got, wished)
	}
	if op, err = r.tenants.SuspendTenant(ctx(t), &registryv1.SuspendTenantRequest{Name: acme}); err != nil || metadata(t, op).GetRevision() != running {
		t.Errorf("the suspension is %v, %v, want it to be about %s", op, err, running)
	}
	if op, err = r.tenants.ResumeTenant(ctx(t), &registryv1.ResumeTenantRequest{Name: acme}); err != nil || metadata(t, op).GetRevision() != wished {
		t.Errorf("the resume is %v, %v, want it to be about %s", op, err, wished)
	}
	if op, err = r.tenants.DeleteTenant(ctx(t), &registryv1.DeleteTenantRequest{Name: acme}); err != nil || metadata(t, op).GetRevision() != running {
		t.Errorf("the deletion is %v, %v, want it to be about %s", op, err, running)
	}
}
