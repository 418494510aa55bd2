package render_test

import (
	"errors"
	"strings"
	"testing"

	"stampworks.dev/pkg/blueprint"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/render"
)

const recipe = `blueprint: web
revision: 1.0.0
artifacts:
  web: {host: python3}
values:
  depth: 10
plans:
  small: {resources: {app: {cpu: 100m, memory: 64Mi}}}
components:
  app:
    artifact: web
    ports: {http: 8000}
    run: python3 -m http.server ${app.http.port}
    env: {DEPTH: "${values.depth}", PLAN: "${tenant.plan}"}
`

// Overrides are in what is reserved, in the ledger and in the manifest.
func TestOverrides(t *testing.T) {
	r, err := blueprint.Parse("web.yaml", []byte(recipe))
	if err != nil {
		t.Fatal(err)
	}
	tenant := &registryv1.Tenant{Name: "tenants/acme", Plan: "small", Overrides: &registryv1.Overrides{
		Values: map[string]string{"depth": "99"}, Resources: map[string]*typev1.Resources{"app": {Memory: "1Gi"}},
	}}
	ask, err := render.AskFor(tenant, r)
	if err != nil || ask.Plan != "small" || ask.Footprint[blueprint.MemoryBytes] != 1<<30 || ask.Footprint[blueprint.CPUMillis] != 100 {
		t.Errorf("%v, %v", ask, err)
	}
	in := render.Input{Tenant: tenant, Recipe: r, Site: driver.Site{Binds: map[string]driver.Bind{"app.http": {Listen: "127.0.0.2", Host: "127.0.0.2", Port: 8000}}}}
	forms, err := render.Render(in)
	if err != nil {
		t.Fatal(err)
	}
	app := forms.Real.Components["app"]
	if app.Env["DEPTH"] != "99" || app.Env["PLAN"] != "small" || app.MemoryLimit != 1<<30 || app.CPULimit != 100 || !strings.Contains(forms.Ledger["app"], `"99"`) {
		t.Errorf("%+v, %s", app, forms.Ledger["app"])
	}
	tenant.Overrides.Values["dept"] = "1"
	var failed *failure.Error
	if _, err := render.AskFor(tenant, r); !errors.As(err, &failed) || failed.Failure.GetCode() != typev1.Failure_RENDER_FAILED {
		t.Errorf("asked with what the revision does not have: %v", err)
	}
	if _, err := render.Render(in); !errors.As(err, &failed) || !strings.Contains(failed.Failure.GetMessage(), "overrides.values.dept") {
		t.Errorf("rendered with what the revision does not have: %v", err)
	}
}
