package tenant

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/protobuf/types/known/durationpb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/inputs"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

// wishFlags are the flags that say what is wanted for a tenant; create and
// update have the same.
type wishFlags struct {
	displayName, blueprint, plan, region, cell string
	inputs, labels                             []string
	protect                                    bool
	dealID, dealSource, currency, owner, url   string
	amount                                     float64
	contactName, contactEmail                  string
	window, drift                              string
	windowLength                               length
}

// defaultWindow is how long a maintenance window stays open when nobody says.
const defaultWindow = length(time.Hour)

// fieldOf is the tenant's field that a flag sets.
var fieldOf = map[string]string{
	"display-name": "display_name", "blueprint": "blueprint", "plan": "plan", "region": "region", "cell": "cell",
	"input": "inputs", "label": "labels", "deletion-protection": "deletion_protection",
	"deal-id": "deal.id", "deal-source": "deal.source", "amount": "deal.amount", "currency": "deal.currency",
	"maintenance-window": "maintenance_window", "drift-policy": "drift_policy", "restore-from": "restore_from",
	"owner": "deal.owner", "deal-url": "deal.url", "contact": "contact.display_name", "contact-email": "contact.email",
}

func (w *wishFlags) add(cmd *cobra.Command, s *session.Session) {
	f := cmd.Flags()
	f.StringVar(&w.displayName, "display-name", "", "what people call the customer")
	f.StringVar(&w.blueprint, "blueprint", "", "the product: `NAME` for its newest revision, or NAME@REVISION")
	f.StringVar(&w.plan, "plan", "", "the size and tier (a new tenant: the blueprint's)")
	f.StringVar(&w.region, "region", "", "where the cell must be (a new tenant: anywhere)")
	f.StringVar(&w.cell, "cell", "", "the one cell that it must be in")
	f.StringArrayVar(&w.inputs, "input", nil, "what the blueprint asks, as `KEY=VALUE`; repeatable")
	f.StringArrayVar(&w.labels, "label", nil, "a label for filters, as `KEY=VALUE`; repeatable")
	f.BoolVar(&w.protect, "deletion-protection", false, "refuse to delete it")
	f.StringVar(&w.dealID, "deal-id", "", "the deal's id in the CRM")
	f.StringVar(&w.dealSource, "deal-source", "", "the `source` that the deal came from")
	f.Float64Var(&w.amount, "amount", 0, "the deal's amount, in whole units")
	f.StringVar(&w.currency, "currency", "", "the deal's currency, such as EUR")
	f.StringVar(&w.owner, "owner", "", "who sold it")
	f.StringVar(&w.url, "deal-url", "", "where the deal is in the CRM")
	f.StringVar(&w.contactName, "contact", "", "a person at the customer")
	f.StringVar(&w.contactEmail, "contact-email", "", "where to write to that person")
	f.StringVar(&w.window, "maintenance-window", "", "when upgrades and restarts may begin, as `CRON` in UTC (\"0 3 * * 6\"); \"\" for any time")
	w.windowLength = defaultWindow
	f.Var(&w.windowLength, "maintenance-duration", "how `long` the maintenance window stays open, such as 4h or 3d")
	f.StringVar(&w.drift, "drift-policy", "", "what becomes of changes by hand: `repair` or show")
	complete.Flags(cmd, s)
}

// mask are the tenant's fields whose flags were given.
func mask(cmd *cobra.Command) []string {
	var fields []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if field, ok := fieldOf[f.Name]; ok {
			fields = append(fields, field)
		}
	})
	slices.Sort(fields)
	return fields
}

// tenant is the wish as a message; product is the blueprint whose inputs are
// meant when the flag names none.
func (w *wishFlags) tenant(ctx context.Context, c *client.Client, product string) (*registryv1.Tenant, error) {
	t := &registryv1.Tenant{
		DisplayName: w.displayName, Blueprint: names.Wish(w.blueprint), Plan: w.plan, Region: w.region,
		Cell: names.Cell(w.cell), DeletionProtection: w.protect,
	}
	if len(w.inputs) > 0 {
		if t.Blueprint != "" {
			product = t.Blueprint
		}
		var err error
		if t.Inputs, err = inputs.Parse(w.inputs, recipeOf(ctx, c, product)); err != nil {
			return nil, err
		}
	}
	if w.dealID != "" || w.dealSource != "" || w.amount != 0 || w.currency != "" || w.owner != "" || w.url != "" {
		t.Deal = &registryv1.Deal{
			Id: w.dealID, Source: names.Source(w.dealSource), Amount: w.amount, Currency: w.currency, Owner: w.owner, Url: w.url,
		}
	}
	if w.contactName != "" || w.contactEmail != "" {
		t.Contact = &registryv1.Contact{DisplayName: w.contactName, Email: w.contactEmail}
	}
	if w.window == "" && w.windowLength != defaultWindow {
		return nil, exit.Usagef("--maintenance-duration is of a --maintenance-window: give both")
	}
	if w.window != "" {
		t.MaintenanceWindow = &registryv1.MaintenanceWindow{Schedule: w.window, Duration: durationpb.New(time.Duration(w.windowLength))}
	}
	if w.drift != "" {
		policy, known := registryv1.Tenant_DriftPolicy_value[strings.ToUpper(w.drift)]
		if !known {
			return nil, exit.Usagef("--drift-policy %s: want repair or show", w.drift)
		}
		t.DriftPolicy = registryv1.Tenant_DriftPolicy(policy)
	}
	var err error
	t.Labels, err = pairs(w.labels)
	return t, err
}

func pairs(texts []string) (map[string]string, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(texts))
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, exit.Usagef("--label %s: want KEY=VALUE", text)
		}
		out[key] = value
	}
	return out, nil
}

// recipeOf finds the recipe whose inputs are given, so that 25 is a number
// where a number is asked for. Nil when it cannot be read: the registry then
// says what is wrong with the blueprint.
func recipeOf(ctx context.Context, c *client.Client, name string) *typev1.Blueprint {
	if strings.Count(name, "/") == 1 {
		blueprint := &registryv1.Blueprint{}
		if err := c.Get(ctx, "/v1/"+name, nil, blueprint); err != nil {
			return nil
		}
		name = blueprint.GetLatestRevision()
	}
	revision := &registryv1.Revision{}
	if name == "" || c.Get(ctx, "/v1/"+name, nil, revision) != nil {
		return nil
	}
	return revision.GetRecipe()
}
