package page

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// fleet is what the page shows.
type fleet struct {
	Summary string
	Notices []string
	Rows    []row
	More    int32
}

type row struct {
	ID, Name, State, Health, Why, Revision, Cell, Age, URL string
}

func (f *fleet) fill(tenants *registryv1.ListTenantsResponse, health *healthv1.FleetHealth, now time.Time) {
	f.Summary = health.GetSummary()
	byTenant := map[string]*healthv1.TenantHealth{}
	for _, h := range health.GetTenants() {
		byTenant[strings.TrimSuffix(h.GetName(), "/health")] = h
	}
	for _, t := range tenants.GetTenants() {
		f.Rows = append(f.Rows, rowOf(t, byTenant[t.GetName()], now))
	}
	f.More = tenants.GetTotalSize() - int32(len(f.Rows)) //nolint:gosec // at most a page
}

func rowOf(t *registryv1.Tenant, h *healthv1.TenantHealth, now time.Time) row {
	r := row{
		ID: strings.TrimPrefix(t.GetName(), "tenants/"), Name: t.GetDisplayName(), State: t.GetState().String(),
		Health: "UNKNOWN", Revision: short(t.GetStatus().GetRevision()), Cell: strings.TrimPrefix(t.GetStatus().GetCell(), "cells/"),
		Age: age(now.Sub(t.GetCreateTime().AsTime())),
	}
	if r.Name == "" {
		r.Name = r.ID
	}
	if r.Revision == "" {
		r.Revision = short(t.GetBlueprint())
	}
	if h != nil {
		r.Health, r.Why = h.GetState().String(), h.GetSummary()
	}
	if failure := t.GetStatus().GetFailure(); failure != nil {
		r.Why = failure.GetMessage() + " " + failure.GetNextAction()
	}
	// Only the web's own schemes become links.
	if u, err := url.Parse(t.GetStatus().GetUrl()); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		r.URL = u.String()
	}
	return r
}

// short writes "blueprints/helpdesk/revisions/1.0.0" as "helpdesk 1.0.0".
func short(revision string) string {
	parts := strings.Split(revision, "/")
	if len(parts) != 4 {
		return revision
	}
	return parts[1] + " " + parts[3]
}

// age in the largest unit that says something, so that the table changes no
// more often than people look.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "under a minute"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// scriptSum is the digest under which the page's script may run.
var scriptSum = func() string {
	_, rest, _ := strings.Cut(source, "<script>")
	script, _, _ := strings.Cut(rest, "</script>")
	sum := sha256.Sum256([]byte(script))
	return base64.StdEncoding.EncodeToString(sum[:])
}()
