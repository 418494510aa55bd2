package tenantregistry_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

func (r *registry) set(t testing.TB, paths []string, change func(*registryv1.Tenant)) (*registryv1.Tenant, error) {
	t.Helper()
	asked := &registryv1.Tenant{Name: acme}
	change(asked)
	_, err := r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{Tenant: asked, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
	return r.get(t, "acme"), err
}

func TestOverrides(t *testing.T) {
	r := start(t)
	r.publish(t, "1.0.1", "values:\n  cache: 64MB\n")
	r.create(t, "acme")
	r.done(t, 1)
	set := func(change func(*registryv1.Overrides)) (*registryv1.Tenant, error) {
		o := &registryv1.Overrides{
			Resources: map[string]*typev1.Resources{"app": {Memory: "1Gi"}}, Values: map[string]string{"cache": "1GB"},
			Owner: "dana", Reason: "import of 2 million tickets", ExpireTime: timestamppb.New(time.Now().Add(time.Hour)),
		}
		change(o)
		return r.set(t, []string{"overrides"}, func(asked *registryv1.Tenant) { asked.Overrides = o })
	}
	for name, c := range map[string]struct {
		change        func(*registryv1.Overrides)
		reason, field string
	}{
		"no owner":            {func(o *registryv1.Overrides) { o.Owner = "" }, "INVALID_REQUEST", "tenant.overrides.owner"},
		"blank reason":        {func(o *registryv1.Overrides) { o.Reason = " " }, "OVERRIDES_INVALID", "tenant.overrides.reason"},
		"turned reason":       {func(o *registryv1.Overrides) { o.Reason = "more \u202ecba" }, "OVERRIDES_INVALID", "tenant.overrides.reason"},
		"no end":              {func(o *registryv1.Overrides) { o.ExpireTime = nil }, "INVALID_REQUEST", "tenant.overrides.expire_time"},
		"over already":        {func(o *registryv1.Overrides) { o.ExpireTime = timestamppb.New(time.Now().Add(-time.Second)) }, "OVERRIDES_INVALID", "tenant.overrides.expire_time"},
		"unknown component":   {func(o *registryv1.Overrides) { o.Resources["db"] = &typev1.Resources{Cpu: "1"} }, "OVERRIDES_INVALID", "tenant.overrides.resources.db"},
		"malformed quantity":  {func(o *registryv1.Overrides) { o.Resources["app"].Memory = "much" }, "OVERRIDES_INVALID", "tenant.overrides.resources.app.memory"},
		"less than reserved":  {func(o *registryv1.Overrides) { o.Resources["app"].Memory = "1Mi" }, "OVERRIDES_INVALID", "tenant.overrides.resources.app.memory"},
		"unknown value":       {func(o *registryv1.Overrides) { o.Values["cash"] = "x" }, "OVERRIDES_INVALID", "tenant.overrides.values.cash"},
		"nothing in it":       {func(o *registryv1.Overrides) { o.Values, o.Resources = nil, nil }, "OVERRIDES_INVALID", "tenant.overrides"},
		"malformed value":     {func(o *registryv1.Overrides) { o.Values["cache"] = "${" }, "OVERRIDES_INVALID", "tenant.overrides.values.cache"},
		"replicas by the ton": {func(o *registryv1.Overrides) { o.Resources["app"].Replicas = 1000 }, "INVALID_REQUEST", `tenant.overrides.resources["app"].replicas`},
	} {
		_, err := set(c.change)
		violates(t, name, err, c.reason, c.field)
	}
	if now, err := set(func(*registryv1.Overrides) {}); err != nil || now.GetGeneration() != 2 || now.GetOverrides().GetValues()["cache"] != "1GB" {
		t.Errorf("%v, %v", now, err)
	}
	if e := r.newestEntry(t); e.GetMessage() != "Changed overrides" {
		t.Errorf("timeline %v", e)
	}
	if now, err := r.set(t, []string{"overrides"}, func(*registryv1.Tenant) {}); err != nil || now.GetGeneration() != 3 || now.GetOverrides() != nil {
		t.Errorf("taken away: %v, %v", now, err)
	}
}

func TestMaintenanceWindowAndDriftPolicy(t *testing.T) {
	r := lively(t)
	window := func(schedule string, d time.Duration) error {
		_, err := r.set(t, []string{"maintenance_window"}, func(asked *registryv1.Tenant) {
			asked.MaintenanceWindow = &registryv1.MaintenanceWindow{Schedule: schedule, Duration: durationpb.New(d)}
		})
		return err
	}
	violates(t, "six fields", window("0 0 3 * * 6", time.Hour), "TENANT_INVALID", "tenant.maintenance_window.schedule")
	violates(t, "no such hour", window("0 25 * * *", time.Hour), "TENANT_INVALID", "tenant.maintenance_window.schedule")
	violates(t, "no such day", window("0 3 30 2 *", time.Hour), "TENANT_INVALID", "tenant.maintenance_window.schedule")
	violates(t, "seconds", window("0 3 * * 6", time.Second), "INVALID_REQUEST", "tenant.maintenance_window.duration")
	violates(t, "too long", window("0 3 * * 6", 8*24*time.Hour), "INVALID_REQUEST", "tenant.maintenance_window.duration")
	if err := window("0 3 * * 6", 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	now, err := r.set(t, []string{"drift_policy"}, func(asked *registryv1.Tenant) { asked.DriftPolicy = registryv1.Tenant_SHOW })
	if err != nil || now.GetGeneration() != 1 || now.GetMaintenanceWindow().GetSchedule() != "0 3 * * 6" || now.GetDriftPolicy() != registryv1.Tenant_SHOW {
		t.Errorf("%v, %v", now, err)
	}
	_, err = r.set(t, []string{"drift_policy"}, func(asked *registryv1.Tenant) { asked.DriftPolicy = 9 })
	violates(t, "no such policy", err, "INVALID_REQUEST", "tenant.drift_policy")
}

// An update need not wait for the window when it is sent with now; so need not
// what waits already, and that is no new generation.
func TestUpdatesThatDoNotWait(t *testing.T) {
	r := lively(t)
	seats := func(n float64) *registryv1.Tenant {
		return &registryv1.Tenant{Inputs: map[string]*structpb.Value{"seats": structpb.NewNumberValue(n)}}
	}
	for _, c := range []struct {
		name               string
		asked              *registryv1.Tenant
		paths              []string
		dry, now           bool
		generation, urgent int64
		says               string
	}{
		{"at rest", &registryv1.Tenant{}, nil, false, true, 1, 0, ""},
		{"without", seats(50), []string{"inputs"}, false, false, 2, 0, "Changed inputs"},
		{"only tried", &registryv1.Tenant{}, nil, true, true, 2, 0, "Changed inputs"},
		{"nothing else", &registryv1.Tenant{}, nil, false, true, 2, 2, "The last change need not wait for the maintenance window"},
		{"with a change", seats(60), []string{"inputs"}, false, true, 3, 3, "Changed inputs, now"},
		{"the next one waits again", seats(70), []string{"inputs"}, false, false, 4, 3, "Changed inputs"},
		{
			"with what is for people", &registryv1.Tenant{Labels: map[string]string{"tier": "gold"}}, []string{"labels"}, false, true,
			4, 4, "Changed labels, and what waits for the maintenance window begins",
		},
		{"twice", &registryv1.Tenant{}, nil, false, true, 4, 4, "Changed labels, and what waits for the maintenance window begins"},
	} {
		c.asked.Name = acme
		_, err := r.tenants.UpdateTenant(ctx(t), &registryv1.UpdateTenantRequest{
			Tenant: c.asked, UpdateMask: &fieldmaskpb.FieldMask{Paths: c.paths}, ValidateOnly: c.dry, Now: c.now,
		})
		if now := r.get(t, "acme"); err != nil || now.GetGeneration() != c.generation || now.GetUrgentGeneration() != c.urgent {
			t.Errorf("%s: %v, %v", c.name, now, err)
		}
		if e := r.newestEntry(t); c.says != "" && e.GetMessage() != c.says {
			t.Errorf("%s: timeline %v", c.name, e)
		}
	}
}

func TestRestoreFrom(t *testing.T) {
	r := start(t)
	create := func(from string) error {
		asked := wish("Acme")
		asked.RestoreFrom = from
		_, err := r.tenants.CreateTenant(ctx(t), &registryv1.CreateTenantRequest{TenantId: "acme", Tenant: asked})
		return err
	}
	for _, from := range []string{"backups/3", "tenants/Globex/backups/3", "tenants/globex/backups/", "tenants/globex/backups/../x"} {
		violates(t, from, create(from), "INVALID_REQUEST", "tenant.restore_from")
	}
	if err := create("tenants/globex/backups/backup-3"); err != nil {
		t.Fatal(err)
	}
	_, err := r.set(t, []string{"restore_from"}, func(asked *registryv1.Tenant) { asked.RestoreFrom = "tenants/globex/backups/backup-4" })
	violates(t, "another backup", err, "FIELD_IMMUTABLE", "tenant.restore_from")
	if now, err := r.set(t, []string{"restore_from"}, func(asked *registryv1.Tenant) { asked.RestoreFrom = "tenants/globex/backups/backup-3" }); err != nil || now.GetGeneration() != 1 {
		t.Errorf("the same again: %v, %v", now, err)
	}
	other := func() (*registryv1.Tenant, error) {
		return r.set(t, []string{"restore_from"}, func(asked *registryv1.Tenant) { asked.RestoreFrom = "tenants/globex/backups/backup-4" })
	}
	gaveUp := func(code typev1.Failure_Code, revision string) {
		t.Helper()
		now := r.get(t, "acme")
		if _, err := r.reports.ReportStatus(context.Background(), &registryv1.ReportStatusRequest{Name: now.GetName(), Uid: now.GetUid(), Status: &registryv1.TenantStatus{
			ObservedGeneration: now.GetGeneration(), Phase: registryv1.TenantStatus_GAVE_UP, Token: 1, StampRevision: now.GetStatus().GetStampRevision() + 1,
			Revision: revision, Failure: &typev1.Failure{Code: code},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	gaveUp(typev1.Failure_MIGRATION_FAILED, "")
	_, err = other()
	violates(t, "after something was made", err, "FIELD_IMMUTABLE", "tenant.restore_from")
	gaveUp(typev1.Failure_BACKUP_INVALID, r.get(t, "acme").GetBlueprint())
	_, err = other()
	violates(t, "of a stamp that ran", err, "FIELD_IMMUTABLE", "tenant.restore_from")
	gaveUp(typev1.Failure_BACKUP_INVALID, "")
	if now, err := other(); err != nil || now.GetGeneration() != 2 || now.GetRestoreFrom() != "tenants/globex/backups/backup-4" {
		t.Errorf("after the first was no use: %v, %v", now, err)
	}
}
