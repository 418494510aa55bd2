package tenantregistry_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// uidBefore is that of a tenant that was lost.
const uidBefore = "7d0f2c9b-5b0a-4f43-8f5e-1f0b3c6a9d10"

func TestRecover(t *testing.T) {
	r := start(t)
	r.create(t, "other")
	was := r.get(t, "other")
	was.Name, was.Uid, was.Generation, was.RestoreFrom = acme, uidBefore, 107, "tenants/other/backups/b-1"
	was.Deal = &registryv1.Deal{Source: "sources/crm", Id: "42"}
	ask := &registryv1.RecoverTenantRequest{Tenant: was, Cell: "cells/eu-1", RecoveryId: "r-1", ValidateOnly: true}
	if _, err := r.tenants.RecoverTenant(ctx(t), ask); err != nil {
		t.Fatal(err)
	}
	if _, err := r.tenants.GetTenant(ctx(t), &registryv1.GetTenantRequest{Name: acme}); !errs.Is(err, errs.NotFound) {
		t.Errorf("validate_only wrote: %v", err)
	}
	ask.ValidateOnly = false
	op, err := r.tenants.RecoverTenant(ctx(t), ask)
	if err != nil || op.GetName() != "operations/acme.107" || metadata(t, op).GetKind() != typev1.OperationMetadata_CREATE {
		t.Fatalf("recover: %v, %v", op, err)
	}
	now := r.get(t, "acme")
	if now.GetUid() != uidBefore || now.GetGeneration() != 107 || now.GetRestoreFrom() != was.GetRestoreFrom() || now.GetDisplayName() != was.GetDisplayName() ||
		now.GetRecovery().GetId() != "r-1" || now.GetRecovery().GetCell() != "cells/eu-1" || now.GetStatus() != nil {
		t.Errorf("recovered %v", now)
	}
	if e := r.newestEntry(t); e.GetAction() != "tenant.recovered" || e.GetGeneration() != 107 || e.GetPrincipal() != "tokens/admin" {
		t.Errorf("timeline %v", e)
	}
	_, err = r.tenants.RecoverTenant(ctx(t), ask)
	_ = reason(t, "again", err, errs.AlreadyExists, "TENANT_EXISTS")
	if r.get(t, "acme").GetEtag() != now.GetEtag() {
		t.Error("recovering again wrote")
	}
	ask.TakeOver, ask.RecoveryId = true, "r-2"
	if _, err := r.tenants.RecoverTenant(ctx(t), ask); err != nil {
		t.Fatal(err)
	}
	if again := r.get(t, "acme"); again.GetRecovery().GetId() != "r-2" || again.GetGeneration() != 107 || again.GetDisplayName() != now.GetDisplayName() {
		t.Errorf("taken over again: %v", again)
	}
	ask.Tenant = proto.CloneOf(was)
	ask.Tenant.Uid = "0a6a3f0c-6a8e-4c1d-9f43-2f6f0f4d8c11"
	_, err = r.tenants.RecoverTenant(ctx(t), ask)
	_ = reason(t, "the stamp of another tenant", err, errs.AlreadyExists, "TENANT_EXISTS")
	second := proto.CloneOf(was) // the deal's: it makes no other tenant
	second.Name, second.Uid = "tenants/acme-2", "5c1f7b1e-93c5-4f0b-8f0e-7f0b8f6a2e02"
	_, err = r.tenants.RecoverTenant(ctx(t), &registryv1.RecoverTenantRequest{Tenant: second, Cell: "cells/eu-1", RecoveryId: "r-1"})
	_ = reason(t, "the deal of another", err, errs.AlreadyExists, "DEAL_HAS_TENANT")
}

func TestRecoverDeleted(t *testing.T) {
	r := start(t)
	r.create(t, "other")
	was := r.get(t, "other")
	was.Name, was.Uid, was.Generation, was.Purging = acme, uidBefore, 9, true
	was.DeleteTime, was.PurgeTime = timestamppb.New(time.Now().Add(-time.Hour)), timestamppb.New(time.Now().Add(-time.Minute))
	if _, err := r.tenants.RecoverTenant(ctx(t), &registryv1.RecoverTenantRequest{Tenant: was, Cell: "cells/eu-1", RecoveryId: "r-1"}); err != nil {
		t.Fatal(err)
	}
	now := r.get(t, "acme")
	if now.GetPurging() || now.GetDeleteTime() == nil || time.Until(now.GetPurgeTime().AsTime()) < 23*time.Hour || now.GetGenerationKind() != typev1.OperationMetadata_DELETE {
		t.Errorf("recovered %v, want it deleted and kept for a day", now)
	}
}

func TestRecoverRefused(t *testing.T) {
	r := start(t)
	r.create(t, "other")
	good := r.get(t, "other")
	good.Name, good.Uid = acme, uidBefore
	for what, change := range map[string]func(*registryv1.RecoverTenantRequest){
		"without an uid":           func(q *registryv1.RecoverTenantRequest) { q.Tenant.Uid = "" },
		"with an uid of no tenant": func(q *registryv1.RecoverTenantRequest) { q.Tenant.Uid = "../../etc" },
		"with an import's uid":     func(q *registryv1.RecoverTenantRequest) { q.Tenant.Uid = "import-" + uidBefore },
		"with a generation below":  func(q *registryv1.RecoverTenantRequest) { q.Tenant.Generation = -1 },
		"without a generation":     func(q *registryv1.RecoverTenantRequest) { q.Tenant.Generation = 0 },
		"without a cell":           func(q *registryv1.RecoverTenantRequest) { q.Cell = "" },
		"without a recovery":       func(q *registryv1.RecoverTenantRequest) { q.RecoveryId = "" },
		"with an evil name":        func(q *registryv1.RecoverTenantRequest) { q.Tenant.Name = "tenants/../x" },
		"of a revision unknown":    func(q *registryv1.RecoverTenantRequest) { q.Tenant.Blueprint = "blueprints/helpdesk/revisions/9.9.9" },
	} {
		q := &registryv1.RecoverTenantRequest{Tenant: proto.CloneOf(good), Cell: "cells/eu-1", RecoveryId: "r-1"}
		change(q)
		if _, err := r.tenants.RecoverTenant(ctx(t), q); !errs.Is(err, errs.InvalidArgument) {
			t.Errorf("%s: %v, want InvalidArgument", what, err)
		}
	}
}

// TestAcceptedBeforeARule: what a tenant was given before a rule was made comes
// back with it, and stands in no other change's way.
func TestAcceptedBeforeARule(t *testing.T) {
	r := start(t)
	r.create(t, "other")
	was := r.get(t, "other")
	was.Name, was.Uid, was.Generation = acme, uidBefore, 9
	was.MaintenanceWindow = &registryv1.MaintenanceWindow{Schedule: "0 3 30 2 *", Duration: durationpb.New(time.Hour)}
	if _, err := r.tenants.RecoverTenant(ctx(t), &registryv1.RecoverTenantRequest{Tenant: was, Cell: "cells/eu-1", RecoveryId: "r-1"}); err != nil {
		t.Fatal(err)
	}
	now, err := r.set(t, []string{"display_name"}, func(asked *registryv1.Tenant) { asked.DisplayName = "Acme Space" })
	if err != nil || now.GetDisplayName() != "Acme Space" || !proto.Equal(now.GetMaintenanceWindow(), was.GetMaintenanceWindow()) {
		t.Errorf("another change: %v, %v", now, err)
	}
	_, err = r.set(t, []string{"maintenance_window"}, func(asked *registryv1.Tenant) {
		asked.MaintenanceWindow = &registryv1.MaintenanceWindow{Schedule: "0 3 31 4 *", Duration: durationpb.New(time.Hour)}
	})
	violates(t, "another that never comes", err, "TENANT_INVALID", "tenant.maintenance_window.schedule")
}
