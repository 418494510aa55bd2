package blueprints

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"stampworks.dev/pkg/blueprint/preview"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
)

var impactView = printer.View[*registryv1.TenantImpact]{
	Name: (*registryv1.TenantImpact).GetTenant,
	Columns: []printer.Column[*registryv1.TenantImpact]{
		{Head: "TENANT", Cell: func(i *registryv1.TenantImpact) string { return names.Short(i.GetTenant()) }},
		{Head: "CUSTOMER", Cell: (*registryv1.TenantImpact).GetDisplayName},
		{Head: "FROM", Wide: true, Cell: func(i *registryv1.TenantImpact) string { return names.Short(i.GetFromRevision()) }},
		{Head: "IMPACT", Cell: func(i *registryv1.TenantImpact) string { return i.GetImpact().String() }},
		{Head: "WHAT HAPPENS", Cell: happens},
	},
}

// happens says what is done with the components, or why nothing can be.
func happens(i *registryv1.TenantImpact) string {
	switch {
	case i.GetReason() != "":
		return i.GetReason()
	case len(i.GetComponents()) == 0:
		return ""
	}
	return strings.TrimSuffix(preview.Summary(i.GetComponents(), nil), ".")
}

// runImpact shows what the upgrade would do to each tenant of the old revision.
func runImpact(ctx context.Context, o *diffOptions) error {
	old := o.name + "/revisions/" + o.old
	if err := o.client.Get(ctx, "/v1/"+old, nil, &registryv1.Revision{}); err != nil {
		return err
	}
	filter := fmt.Sprintf("(blueprint = %q OR status.revision = %q)", old, old)
	if o.filter != "" {
		filter += " AND (" + o.filter + ")"
	}
	impacts := &registryv1.PreviewRevisionImpactResponse{}
	path := "/v1/" + o.name + "/revisions/" + o.new + ":impact"
	if err := client.List(ctx, o.client, path, url.Values{"filter": {filter}}, true, impacts); err != nil {
		return err
	}
	if err := printer.List(o.printer, impactView, impacts, impacts.GetTenantImpacts()); err != nil {
		return err
	}
	if o.printer.ForPeople() {
		o.Say("%s; nothing was changed", counted(impacts.GetTenantImpacts(), o.old))
	}
	return nil
}

// counted is the summary: "3 tenants of 1.0.0: 1 unchanged, 2 migrate".
func counted(all []*registryv1.TenantImpact, old string) string {
	count := map[registryv1.TenantImpact_Impact]int{}
	for _, i := range all {
		count[i.GetImpact()]++
	}
	var parts []string
	for _, kind := range []registryv1.TenantImpact_Impact{
		registryv1.TenantImpact_UNCHANGED, registryv1.TenantImpact_RESTART, registryv1.TenantImpact_MIGRATE, registryv1.TenantImpact_BLOCKED,
	} {
		if n := count[kind]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ToLower(kind.String())))
		}
	}
	noun := "tenants"
	if len(all) == 1 {
		noun = "tenant"
	}
	said := fmt.Sprintf("%d %s of %s", len(all), noun, old)
	if len(parts) > 0 {
		said += ": " + strings.Join(parts, ", ")
	}
	return said
}
