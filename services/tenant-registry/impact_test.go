package tenantregistry_test

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// published publishes a recipe and gives its revision's name.
func (r *registry) published(t *testing.T, source string) string {
	t.Helper()
	name := regexp.MustCompile(`(?m)^blueprint: (\S+)`).FindStringSubmatch(source)[1]
	revision, err := r.catalog.CreateRevision(ctx(t), &registryv1.CreateRevisionRequest{Parent: "blueprints/" + name, Revision: &registryv1.Revision{Source: source}})
	if err != nil {
		t.Fatalf("publish %s: %v", name, err)
	}
	return revision.GetName()
}

// add creates a tenant of a revision, and reports that it runs.
func (r *registry) add(t *testing.T, id, revision, plan string, inputs map[string]any) {
	t.Helper()
	values, err := structpb.NewStruct(inputs)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.tenants.CreateTenant(ctx(t), &registryv1.CreateTenantRequest{TenantId: id, Tenant: &registryv1.Tenant{
		DisplayName: id, Blueprint: revision, Plan: plan, Inputs: values.GetFields(),
	}})
	if err == nil {
		err = r.report(t, id, registryv1.TenantStatus_DONE, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// impact asks for all of it and writes a line for each tenant: "acme MIGRATE app
// CHANGE [migrate], edge RESTART".
func (r *registry) impact(t *testing.T, revision, filter string) []string {
	t.Helper()
	resp, err := r.catalog.PreviewRevisionImpact(ctx(t), &registryv1.PreviewRevisionImpactRequest{Name: revision, Filter: filter})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, one := range resp.GetTenantImpacts() {
		var what []string
		for _, c := range one.GetComponents() {
			said := c.GetName() + " " + c.GetAction().String()
			if len(c.GetJobs()) > 0 {
				said += fmt.Sprint(" ", c.GetJobs())
			}
			if len(c.GetFields()) > 0 {
				t.Errorf("%s: fields are for a preview", c)
			}
			what = append(what, said)
		}
		lines = append(lines, strings.TrimPrefix(one.GetTenant(), "tenants/")+" "+one.GetImpact().String()+" "+cmp.Or(one.GetReason(), strings.Join(what, ", ")))
	}
	return lines
}

// helpdesk is a recipe of the sample product, with the digest that publishing
// would have added.
func helpdesk(t *testing.T, file, digit string) string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/products/helpdesk/blueprints/" + file)
	if err != nil {
		t.Fatal(err)
	}
	local := regexp.MustCompile(`file: \.\./\S+.*`)
	return local.ReplaceAllString(string(text), "file: /opt/helpdesk\n    sha256: "+strings.Repeat(digit, 64))
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestImpactOfTheHelpdesksUpgrade(t *testing.T) {
	r := start(t)
	for _, file := range []string{"helpdesk-1.0.0.yaml", "helpdesk-1.1.0.yaml", "helpdesk-lite-1.0.0.yaml"} {
		source := helpdesk(t, file, file[len(file)-8:len(file)-7])
		source = strings.Replace(source, "blueprint: helpdesk\n", "blueprint: bigdesk\n", 1) // the test's own is called helpdesk
		r.published(t, source)
	}
	r.add(t, "acme", "blueprints/bigdesk/revisions/1.0.0", "standard", map[string]any{"admin_email": "a@acme.example"})
	r.add(t, "globex", "blueprints/bigdesk/revisions/1.1.0", "enterprise", map[string]any{"admin_email": "g@globex.example"})
	r.add(t, "other", "blueprints/helpdesk-lite/revisions/1.0.0", "", map[string]any{"admin_email": "o@other.example"})
	before := r.get(t, "acme")
	same(t, "to 1.1.0", r.impact(t, "blueprints/bigdesk/revisions/1.1.0", ""),
		"acme MIGRATE queue CHANGE, app CHANGE [migrate], edge CHANGE, worker CHANGE",
		"globex UNCHANGED ")
	same(t, "to 1.0.0", r.impact(t, "blueprints/bigdesk/revisions/1.0.0", `plan = enterprise`),
		"globex BLOCKED revision 1.0.0 is older than 1.1.0: downgrades are refused; to go back, create a new tenant from a backup of 1.0.0")
	if after := r.get(t, "acme"); after.GetEtag() != before.GetEtag() || after.GetGeneration() != before.GetGeneration() {
		t.Errorf("asking changed the tenant: %v", after)
	}
}

const pages = `blueprint: pages
revision: 1.0.0
artifacts:
  web: {host: python3}
inputs:
  seats: {type: INT, default: 5}
plans:
  starter: {}
  pro: {extends: starter}
components:
  db: {artifact: web, volumes: [data], run: web db}
  app: {artifact: web, ports: {http: 8000}, run: "web app --seats ${inputs.seats}"}
  edge: {artifact: web, run: "web edge ${app.http.addr}"}
`

func TestImpact(t *testing.T) {
	r := start(t)
	first := r.published(t, pages)
	next := func(revision string, edits ...string) string {
		return r.published(t, strings.NewReplacer(append([]string{"1.0.0", revision}, edits...)...).Replace(pages))
	}
	r.add(t, "few", first, "starter", map[string]any{"seats": 3})
	r.add(t, "many", first, "pro", map[string]any{"seats": 300})
	r.add(t, "plain", first, "starter", nil)
	if _, err := r.tenants.SuspendTenant(ctx(t), &registryv1.SuspendTenantRequest{Name: "tenants/plain"}); err != nil {
		t.Fatal(err)
	}
	same(t, "nothing that runs", r.impact(t, next("1.1.0", "revision: 1.0.0", "revision: 1.1.0\ndescription: Web pages."), ""),
		"few UNCHANGED ", "many UNCHANGED ", "plain UNCHANGED ")
	same(t, "a command, and one more", r.impact(t, next("1.2.0", "web edge", "web front", "  db:", "  cache: {artifact: web, run: web cache}\n  db:"), ""),
		"few RESTART cache CREATE, edge CHANGE", "many RESTART cache CREATE, edge CHANGE", "plain RESTART cache CREATE, edge CHANGE")
	same(t, "a migration", r.impact(t, next("1.3.0", "run: \"web app", "migrate: web migrate, run: \"web app"), `plan = starter`),
		"few MIGRATE app CHANGE [migrate], edge RESTART", "plain MIGRATE app CHANGE [migrate], edge RESTART")
	same(t, "an input missing, and a plan gone", r.impact(t, next("1.4.0", "{type: INT, default: 5}", "{type: INT, required: true}", "  pro: {extends: starter}\n", ""), ""),
		"few UNCHANGED ", `many BLOCKED plan "pro" is no plan of revision 1.4.0`, "plain BLOCKED inputs.seats is required: a whole number")
	same(t, "an input of another type", r.impact(t, next("1.6.0", "{type: INT, default: 5}", "{type: BOOL}"), `name = "tenants/few"`),
		"few BLOCKED inputs.seats is the number 3, not true or false")
	same(t, "an input out of bounds", r.impact(t, next("1.5.0", "{type: INT, default: 5}", "{type: INT, default: 5, maximum: 100}"), ""),
		"few UNCHANGED ", "many BLOCKED inputs.seats 300 is above 100", "plain UNCHANGED ")
	same(t, "outside upgrade_from", r.impact(t, next("2.0.0", "revision: 1.0.0", "revision: 2.0.0\nupgrade_from: \">=1.5.0\""), `name = "tenants/few"`),
		"few BLOCKED revision 2.0.0 can be upgraded to from >=1.5.0 only, not from 1.0.0: upgrade to one of those first")
	pagesOf := &registryv1.PreviewRevisionImpactRequest{Name: first, PageSize: 2}
	one, err := r.catalog.PreviewRevisionImpact(ctx(t), pagesOf)
	if err != nil || len(one.GetTenantImpacts()) != 2 || one.GetTotalSize() != 3 {
		t.Fatalf("%v, %v", one, err)
	}
	pagesOf.PageToken = one.GetNextPageToken()
	if two, err := r.catalog.PreviewRevisionImpact(ctx(t), pagesOf); err != nil || len(two.GetTenantImpacts()) != 1 || two.GetTenantImpacts()[0].GetTenant() != "tenants/plain" {
		t.Errorf("%v, %v", two, err)
	}
	_, err = r.catalog.PreviewRevisionImpact(ctx(t), &registryv1.PreviewRevisionImpactRequest{Name: "blueprints/pages/revisions/9.0.0"})
	_ = reason(t, "no such revision", err, errs.NotFound, "REVISION_NOT_FOUND")
}

// Where nothing runs, nothing is migrated, whatever failed before.
func TestImpactOnWhatNeverRan(t *testing.T) {
	r := start(t)
	first := r.published(t, pages)
	second := r.published(t, strings.NewReplacer("1.0.0", "1.1.0", "run: \"web app", "migrate: web migrate, run: \"web app").Replace(pages))
	if _, err := r.tenants.CreateTenant(ctx(t), &registryv1.CreateTenantRequest{TenantId: "few", Tenant: &registryv1.Tenant{DisplayName: "few", Blueprint: first, Plan: "starter"}}); err != nil {
		t.Fatal(err)
	}
	if err := r.report(t, "few", registryv1.TenantStatus_GAVE_UP, 1); err != nil {
		t.Fatal(err)
	}
	same(t, "one that failed", r.impact(t, second, ""), "few UNCHANGED nothing of it runs yet")
}

func TestValidateOnlyHasAPreview(t *testing.T) {
	r := start(t)
	first := r.published(t, pages)
	previewed := func(t *testing.T, change *registryv1.Tenant) *typev1.Preview {
		t.Helper()
		change.Name = "tenants/few"
		op, err := r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{Tenant: change, ValidateOnly: true, AllowMissing: true})
		if err != nil {
			t.Fatal(err)
		}
		return metadata(t, op).GetPreview()
	}
	if p := previewed(t, &registryv1.Tenant{DisplayName: "Few", Blueprint: first}); p.GetSummary() != "Creates app, db and edge." {
		t.Errorf("a new one: %v", p)
	}
	r.add(t, "few", first, "starter", nil)
	p := previewed(t, &registryv1.Tenant{Inputs: map[string]*structpb.Value{"seats": structpb.NewNumberValue(9)}})
	want := &typev1.FieldChange{Path: "command", Before: "web app --seats 5", After: "web app --seats 9"}
	if p.GetSummary() != "Changes app; db and edge stay as they are." || len(p.GetComponents()) != 3 || p.GetComponents()[0].GetFields()[0].String() != want.String() {
		t.Errorf("an input: %v", p)
	}
	if p := previewed(t, &registryv1.Tenant{Labels: map[string]string{"tier": "gold"}}); p.GetSummary() != "Nothing to do." {
		t.Errorf("a label: %v", p)
	}
	op, err := r.tenants.DeleteTenant(ctx(t), &registryv1.DeleteTenantRequest{Name: "tenants/few", ValidateOnly: true})
	if err != nil || metadata(t, op).GetPreview().GetSummary() != "Stops app, db and edge." {
		t.Errorf("a deletion: %v, %v", op, err)
	}
	op, err = r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{Tenant: &registryv1.Tenant{Name: "tenants/few", Plan: "pro"}})
	if err != nil || metadata(t, op).GetPreview() != nil {
		t.Errorf("what is done is not previewed: %v, %v", op, err)
	}
}
