// Package health is the command `stamp health`: who serves now.
package health

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type options struct {
	*session.Session
	client  *client.Client
	printer *printer.Printer
	tenant  string
}

// Command is `stamp health`.
func Command(s *session.Session) *cobra.Command {
	o := &options{Session: s}
	return &cobra.Command{
		Use:   "health [TENANT]",
		Short: "Say who serves now: all customers, or the parts of one",
		Example: `  stamp health
  stamp health acme`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) > 0 {
				o.tenant = names.Tenant(args[0])
			}
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			if o.tenant != "" {
				return runTenant(cmd.Context(), o)
			}
			return runFleet(cmd.Context(), o)
		},
	}
}

func runFleet(ctx context.Context, o *options) error {
	fleet := &healthv1.FleetHealth{}
	if err := o.client.Get(ctx, "/v1/health", nil, fleet); err != nil {
		return err
	}
	if o.printer.ForPeople() {
		fmt.Fprintln(o.Out, printer.Safe(fleet.GetSummary()))
	}
	if err := printer.List(o.printer, fleetView(o.printer.Now()), fleet, fleet.GetTenants()); err != nil || !o.printer.ForPeople() {
		return err
	}
	return tellUnplaced(ctx, o, fleet)
}

func runTenant(ctx context.Context, o *options) error {
	h := &healthv1.TenantHealth{}
	if err := o.client.Get(ctx, "/v1/"+o.tenant+"/health", nil, h); err != nil {
		return err
	}
	if o.printer.Format == printer.Name {
		return printer.One(o.printer, fleetView(o.printer.Now()), h)
	}
	if o.printer.ForPeople() {
		fmt.Fprintln(o.Out, printer.Safe(h.GetSummary()))
	}
	checks := h.GetComponents()
	if h.GetEndpoint() != nil {
		checks = append(checks, h.GetEndpoint())
	}
	return printer.List(o.printer, checkView(o.printer.Now()), h, checks)
}

func fleetView(now time.Time) printer.View[*healthv1.TenantHealth] {
	return printer.View[*healthv1.TenantHealth]{
		Name: (*healthv1.TenantHealth).GetName,
		Columns: []printer.Column[*healthv1.TenantHealth]{
			{Head: "TENANT", Cell: tenantOf},
			{Head: "CUSTOMER", Cell: (*healthv1.TenantHealth).GetDisplayName},
			{Head: "HEALTH", Cell: func(h *healthv1.TenantHealth) string { return h.GetState().String() }},
			{Head: "SINCE", Cell: func(h *healthv1.TenantHealth) string { return printer.Age(h.GetSinceTime(), now) }},
			{Head: "BEGAN IN", Cell: (*healthv1.TenantHealth).GetRootComponent},
			{Head: "SUMMARY", Cell: (*healthv1.TenantHealth).GetSummary},
		},
	}
}

func checkView(now time.Time) printer.View[*healthv1.CheckHealth] {
	return printer.View[*healthv1.CheckHealth]{
		Name: (*healthv1.CheckHealth).GetName,
		Columns: []printer.Column[*healthv1.CheckHealth]{
			{Head: "PART", Cell: (*healthv1.CheckHealth).GetName},
			{Head: "HEALTH", Cell: func(c *healthv1.CheckHealth) string { return c.GetState().String() }},
			{Head: "SINCE", Cell: func(c *healthv1.CheckHealth) string { return printer.Age(c.GetSinceTime(), now) }},
			{Head: "ANSWERED IN", Cell: latency},
			{Head: "ASKED", Cell: func(c *healthv1.CheckHealth) string { return printer.Age(c.GetCheckTime(), now) }},
			{Head: "LAST ANSWER", Cell: (*healthv1.CheckHealth).GetMessage},
		},
	}
}

func latency(c *healthv1.CheckHealth) string {
	if c.GetLatency() == nil {
		return ""
	}
	return c.GetLatency().AsDuration().Round(100 * time.Microsecond).String()
}
