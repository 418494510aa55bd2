package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/command/delivery"
	"stampworks.dev/services/stamp/internal/deal"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/inputs"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/secretfile"
	"stampworks.dev/services/stamp/internal/session"
	"stampworks.dev/services/stamp/internal/wait"
)

type sendOptions struct {
	*session.Session
	client         *client.Client
	printer        *printer.Printer
	source, secret string
	deal           deal.Deal
	inputs         []string
	wait           bool
}

func sendCommand(s *session.Session) *cobra.Command {
	o := &sendOptions{Session: s}
	cmd := &cobra.Command{
		Use:   "send [NAME]",
		Short: "Win a test deal: sign it and post it as the CRM would",
		Long: `Win a test deal: make its message, sign it with the source's secret, and post it to the source's URL.
The deal's and the message's ids follow from --deal, so that the same deal sent twice is still one.

The secret is --secret, STAMP_SOURCE_SECRET, or the one kept in .stamp/sources.json.`,
		Example: `  stamp source send --deal Globex
  stamp source send crm --deal "Acme Rockets" --amount 48000 --contact "Dana Ruiz" --wait
  stamp source send --deal Globex --event-id evt-2       another message about the same deal`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: complete.Sources(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) > 0 {
				o.source = names.Short(names.Source(args[0]))
			}
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return runSend(cmd.Context(), o)
		},
	}
	o.add(cmd)
	complete.Flags(cmd, s)
	return cmd
}

func (o *sendOptions) add(cmd *cobra.Command) {
	f, d := cmd.Flags(), &o.deal
	f.StringVar(&d.Name, "deal", "", "the deal, and the customer, unless --company says otherwise")
	f.StringVar(&d.Company, "company", "", "the customer (default --deal)")
	f.StringVar(&d.ID, "id", "", "the deal's id in the CRM (default made of its name)")
	f.StringVar(&d.EventID, "event-id", "", "the message's id (default made of the deal's)")
	f.StringVar(&d.Blueprint, "blueprint", "", "the product (default the one of stamp dev --demo, or the only one there is)")
	f.StringVar(&d.Plan, "plan", "", "the size and tier (default the blueprint's)")
	f.StringVar(&d.Region, "region", "", "where")
	f.Float64Var(&d.Amount, "amount", 0, "in whole units (default 24000)")
	f.StringVar(&d.Currency, "currency", "", "such as EUR (default EUR)")
	f.StringVar(&d.Owner, "owner", "", "who sold it")
	f.StringVar(&d.ContactName, "contact", "", "a person at the customer")
	f.StringVar(&d.ContactEmail, "email", "", "where to write to that person")
	f.StringArrayVar(&o.inputs, "input", nil, "what the blueprint asks, as `KEY=VALUE`; repeatable")
	f.StringVar(&o.secret, "secret", "", "the source's secret (default STAMP_SOURCE_SECRET, then the one kept)")
	f.BoolVar(&o.wait, "wait", false, "wait until the customer's copy answers, and show the steps")
}

func runSend(ctx context.Context, o *sendOptions) (err error) {
	o.deal.Company = cmp.Or(o.deal.Company, o.deal.Name)
	if o.deal.Company == "" {
		return exit.Usagef("say which deal was won, such as: stamp source send --deal Globex")
	}
	if o.deal.Inputs, err = inputs.Plain(o.inputs); err != nil {
		return err
	}
	if err := o.signer(ctx); err != nil {
		return err
	}
	if o.deal.Blueprint == "" {
		if o.deal.Blueprint, err = AssumedBlueprint(ctx, o.Session, o.client); err != nil {
			return err
		}
	}
	if o.deal, err = o.asked(ctx, o.deal.Fill(time.Now())); err != nil {
		return err
	}
	receipt, err := o.post(ctx)
	if err != nil {
		return err
	}
	o.Say("signed webhook stored, answered in %d ms", receipt.Took.Milliseconds())
	d, err := o.outcome(ctx, receipt)
	if err != nil {
		return err
	}
	if err := o.print(d); err != nil || !o.wait {
		return err
	}
	return o.await(ctx, d)
}

// post signs and sends the deal.
func (o *sendOptions) post(ctx context.Context) (deal.Receipt, error) {
	receipt, err := deal.Send(ctx, deal.Config{Address: o.client.Address(), Source: o.source, Secret: o.secret}, o.deal)
	if problem := (*client.Problem)(nil); errors.As(err, &problem) && problem.Status == http.StatusUnauthorized {
		return receipt, &exit.Error{
			Code: exit.Code(err), Message: problem.Error(),
			Next: "give the secret of " + names.Source(o.source) + " with --secret or STAMP_SOURCE_SECRET; without them it is the one in .stamp/sources.json",
		}
	}
	return receipt, err
}

// signer finds the source and its secret.
func (o *sendOptions) signer(ctx context.Context) error {
	kept, err := secretfile.Sources(o.Dir, o.client.Address())
	if err != nil {
		return err
	}
	assumed, err := client.Assumed(o.Dir, o.client.Address())
	if err != nil {
		return err
	}
	switch known := slices.Sorted(maps.Keys(kept)); {
	case o.source != "":
	case kept[assumed.Source] != "":
		o.source = assumed.Source
	case len(known) == 1:
		o.source = known[0]
	case len(known) == 0:
		return exit.Usagef("say which source; one is set up with: stamp source create NAME --mode AUTO")
	default:
		return exit.Usagef("say which source: %s", strings.Join(known, ", "))
	}
	if o.secret = cmp.Or(o.secret, o.Getenv("STAMP_SOURCE_SECRET"), kept[o.source]); o.secret == "" {
		if err := o.client.Get(ctx, "/v1/sources/"+o.source, nil, &registryv1.Source{}); err != nil {
			return err // there is no such source, or worse
		}
		return exit.Usagef("no secret of %s is kept in .stamp/sources.json: give it with --secret or STAMP_SOURCE_SECRET", o.source)
	}
	return nil
}

// outcome waits until the delivery was worked on.
func (o *sendOptions) outcome(ctx context.Context, r deal.Receipt) (*registryv1.Delivery, error) {
	name := r.Delivery
	if name == "" {
		list := &registryv1.ListDeliveriesResponse{}
		query := url.Values{"filter": {"event_id = " + strconv.Quote(r.EventID)}}
		if err := o.client.Get(ctx, "/v1/sources/"+o.source+"/deliveries", query, list); err != nil {
			return nil, err
		}
		if len(list.GetDeliveries()) == 0 {
			return nil, fmt.Errorf("find the delivery of event %q: it was answered and is not listed", r.EventID)
		}
		name = list.GetDeliveries()[0].GetName()
	}
	return delivery.WaitOutcome(ctx, o.client, name)
}

func (o *sendOptions) print(d *registryv1.Delivery) error {
	if !o.printer.ForPeople() {
		return printer.One(o.printer, delivery.View(o.printer.Now()), d)
	}
	fmt.Fprintf(o.Out, "%s  %s\n", names.Short(d.GetName()), told(d))
	return nil
}

// await waits for the tenant that the deal led to.
func (o *sendOptions) await(ctx context.Context, d *registryv1.Delivery) error {
	if d.GetTenant() == "" {
		return &exit.Error{Code: exit.Failure, Message: "there is no customer's copy to wait for: the delivery is " + delivery.Outcome(d)}
	}
	tenant := &registryv1.Tenant{}
	if err := o.client.Get(ctx, "/v1/"+d.GetTenant(), nil, tenant); err != nil {
		return err
	}
	_, err := wait.For(ctx, o.Session, o.client, fmt.Sprintf("operations/%s.%d", names.Short(tenant.GetName()), tenant.GetGeneration()))
	return err
}
