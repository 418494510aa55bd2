package tenantregistry_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// A stamp becomes only a newer revision, and only one that takes what runs.
func TestUpgradesThatAreRefused(t *testing.T) {
	r := start(t)
	first := r.get(t, func() string { r.create(t, "acme"); return "acme" }()).GetBlueprint()
	version := first[strings.LastIndex(first, "/")+1:]
	publish := func(to, from string) {
		t.Helper()
		source := strings.Replace(recipe, "revision: "+version, "revision: "+to+"\nupgrade_from: \""+from+"\"", 1)
		if _, err := r.catalog.CreateRevision(ctx(t), &registryv1.CreateRevisionRequest{Parent: "blueprints/helpdesk", Revision: &registryv1.Revision{Source: source}}); err != nil {
			t.Fatal(err)
		}
	}
	publish("8.0.0", ">="+version)
	publish("9.0.0", ">=8.0.0")
	to := func(revision string) error {
		_, err := r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{
			Tenant:     &registryv1.Tenant{Name: "tenants/acme", Blueprint: "blueprints/helpdesk/revisions/" + revision},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"blueprint"}},
		})
		return err
	}
	if err := r.report(t, "acme", registryv1.TenantStatus_DONE, 1); err != nil {
		t.Fatal(err)
	}
	if err := reason(t, "past upgrade_from", to("9.0.0"), errs.FailedPrecondition, "UPGRADE_REFUSED"); !strings.HasSuffix(err.Message, ": upgrade to 8.0.0 first") {
		t.Errorf("no way there is named: %v", err)
	}
	if err := to("8.0.0"); err != nil {
		t.Fatalf("the next revision: %v", err)
	}
	if err := to(version); err != nil {
		t.Fatalf("back to what still runs: %v", err)
	}
	if err := to("8.0.0"); err != nil {
		t.Fatal(err)
	}
	if err := r.report(t, "acme", registryv1.TenantStatus_DONE, 2); err != nil {
		t.Fatal(err)
	}
	if err := reason(t, "a downgrade", to(version), errs.FailedPrecondition, "UPGRADE_REFUSED"); !strings.HasSuffix(err.Message, "create a new tenant from a backup of "+version) {
		t.Errorf("no way back is named: %v", err)
	}
	if err := to("9.0.0"); err != nil {
		t.Errorf("now it is within upgrade_from: %v", err)
	}
}
