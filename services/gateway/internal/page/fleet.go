package page

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// fleet is what the page shows.
type fleet struct {
	Summary  string
	Notices  []string
	Tally    []tag
	Rows     []row
	More     int32
	SignedIn bool
}

// tag is a word on its colour: good, warn, bad, or none.
type tag struct{ Text, Tone string }

type row struct {
	ID, Name, Revision, Cell, Age string
	State, StateTone              string
	Health, HealthTone            string
	// Trouble is what went wrong with the last operation, and Why what is wrong
	// with the health: two fields, as one can be fine without the other.
	Trouble, Why string
	// URL is the customer's, empty when nobody is meant to answer there, and
	// Address what people read of it.
	URL, Address string
}

var tones = map[string]string{
	"ACTIVE": "good", "HEALTHY": "good",
	"CREATING": "warn", "UPDATING": "warn", "SUSPENDING": "warn", "DELETING": "warn", "DEGRADED": "warn",
	"FAILED": "bad", "UNHEALTHY": "bad",
}

// tallied are the states of health that are counted, worst first.
var tallied = []typev1.HealthState{
	typev1.HealthState_UNHEALTHY, typev1.HealthState_DEGRADED, typev1.HealthState_UNKNOWN,
	typev1.HealthState_HEALTHY, typev1.HealthState_NOT_RUNNING,
}

func (f *fleet) fill(tenants *registryv1.ListTenantsResponse, health *healthv1.FleetHealth, now time.Time) {
	f.Summary = health.GetSummary()
	for _, state := range tallied {
		if n := health.GetCounts()[state.String()]; n > 0 {
			f.Tally = append(f.Tally, tag{fmt.Sprintf("%d %s", n, words(state.String())), tones[state.String()]})
		}
	}
	byTenant := map[string]*healthv1.TenantHealth{}
	for _, h := range health.GetTenants() {
		byTenant[strings.TrimSuffix(h.GetName(), "/health")] = h
	}
	for _, t := range tenants.GetTenants() {
		f.Rows = append(f.Rows, rowOf(t, byTenant[t.GetName()], now))
	}
	f.More = tenants.GetTotalSize() - int32(len(f.Rows))
}

func rowOf(t *registryv1.Tenant, h *healthv1.TenantHealth, now time.Time) row {
	state, health := t.GetState().String(), typev1.HealthState_UNKNOWN.String()
	r := row{
		ID: strings.TrimPrefix(t.GetName(), "tenants/"), Name: t.GetDisplayName(),
		State: words(state), StateTone: tones[state], Revision: short(t.GetStatus().GetRevision()),
		Cell: strings.TrimPrefix(t.GetStatus().GetCell(), "cells/"), Age: age(now.Sub(t.GetCreateTime().AsTime())),
	}
	if r.Name == "" {
		r.Name = r.ID
	}
	if r.Revision == "" {
		r.Revision = short(t.GetBlueprint())
	}
	if h != nil {
		health = h.GetState().String()
		if h.GetState() != typev1.HealthState_HEALTHY {
			r.Why = h.GetSummary()
		}
	}
	r.Health, r.HealthTone = words(health), tones[health]
	if failure := t.GetStatus().GetFailure(); failure != nil {
		r.Trouble = strings.TrimSpace(failure.GetMessage() + " " + failure.GetNextAction())
	}
	// Only the web's own schemes become links.
	if u, err := url.Parse(t.GetStatus().GetUrl()); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		if answers(t, h) {
			r.URL = u.String()
		}
		r.Address = strings.TrimSuffix(u.Host+u.EscapedPath(), "/")
	}
	return r
}

// answers is whether somebody is meant to answer at the customer's address.
func answers(t *registryv1.Tenant, h *healthv1.TenantHealth) bool {
	switch t.GetState() {
	case registryv1.Tenant_SUSPENDING, registryv1.Tenant_SUSPENDED, registryv1.Tenant_DELETING, registryv1.Tenant_DELETED:
		return false
	}
	return h.GetState() != typev1.HealthState_NOT_RUNNING
}

// words writes "NOT_RUNNING" as "not running".
func words(state string) string { return strings.ToLower(strings.ReplaceAll(state, "_", " ")) }

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
