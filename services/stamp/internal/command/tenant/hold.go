package tenant

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type holdOptions struct {
	changeOptions
	owner, reason, until, length string
	replace                      bool
}

func holdCommand(s *session.Session) *cobra.Command {
	o := &holdOptions{changeOptions: changeOptions{Session: s}}
	cmd := &cobra.Command{
		Use:   "hold TENANT",
		Short: "Freeze a customer's copy: changes wait until the hold ends",
		Long: `Freeze a customer's copy. Changes are still taken in; they wait until the hold is lifted or ends by
itself, at most 366 days from now. A deleted customer's data is not purged by itself meanwhile.

Somebody answers for a hold, so it needs an owner and a reason. Another hold of the same owner takes the
place of the first; that of somebody else is refused unless --replace says that it is meant.`,
		Example: `  stamp tenant hold acme --owner dana --reason "audit until Friday" --for 3d
  stamp tenant hold acme --owner legal --reason "case 4711" --until 2027-01-31`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = names.Tenant(args[0])
			if err := o.open(); err != nil {
				return err
			}
			return runHold(cmd.Context(), o)
		},
	}
	o.etagFlag(cmd)
	cmd.Flags().StringVar(&o.owner, "owner", "", "who answers for it")
	cmd.Flags().StringVar(&o.reason, "reason", "", "why")
	cmd.Flags().StringVar(&o.length, "for", "", "how `long`, such as 4h or 3d")
	cmd.Flags().StringVar(&o.until, "until", "", "its `end`, such as 2027-01-31 or 2027-01-31T18:00:00Z")
	cmd.Flags().BoolVar(&o.replace, "replace", false, "take the place of a hold that somebody else answers for")
	return cmd
}

func runHold(ctx context.Context, o *holdOptions) error {
	if o.owner == "" || o.reason == "" {
		return exit.Usagef("a hold needs --owner and --reason: somebody has to answer for it")
	}
	end, err := expiry(o.length, o.until, o.Now())
	if err != nil {
		return err
	}
	return o.quietly(ctx, "hold", &registryv1.HoldTenantRequest{
		Name: o.name, Etag: o.etag, Owner: o.owner, Reason: o.reason, ExpireTime: timestamppb.New(end), Replace: o.replace,
	})
}

func unholdCommand(s *session.Session) *cobra.Command {
	o := &changeOptions{Session: s}
	cmd := &cobra.Command{
		Use: "unhold TENANT", Short: "Lift a hold: what waited for it goes on", Example: `  stamp tenant unhold acme`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = names.Tenant(args[0])
			if err := o.open(); err != nil {
				return err
			}
			return o.quietly(cmd.Context(), "unhold", &registryv1.UnholdTenantRequest{Name: o.name, Etag: o.etag})
		},
	}
	o.etagFlag(cmd)
	return cmd
}

// quietly changes what needs no work of the stamp, and prints the tenant.
func (o *changeOptions) quietly(ctx context.Context, verb string, body message) error {
	tenant := &registryv1.Tenant{}
	if err := o.client.Post(ctx, "/v1/"+o.name+":"+verb, nil, body, tenant); err != nil {
		return err
	}
	if h := tenant.GetHold(); h != nil {
		o.Say("held by %s until %s", h.GetOwner(), h.GetExpireTime().AsTime().Format(time.RFC3339))
	} else {
		o.Say("%s is not held: what waited for a hold goes on", names.Short(o.name))
	}
	return printer.One(o.printer, view(o.printer.Now()), tenant)
}

// expiry is the end that --for or --until gives.
func expiry(length, until string, now time.Time) (time.Time, error) {
	switch {
	case (length == "") == (until == ""):
		return time.Time{}, exit.Usagef("give --for or --until: when it ends by itself")
	case until != "":
		for _, form := range []string{time.RFC3339, time.DateOnly} {
			if at, err := time.Parse(form, until); err == nil {
				return at, nil
			}
		}
		return time.Time{}, exit.Usagef("--until %s: want 2027-01-31 or 2027-01-31T18:00:00Z", until)
	}
	d, err := parseLength(length)
	if err != nil {
		return time.Time{}, exit.Usagef("--for %s: %v", length, err)
	}
	return now.Add(d), nil
}
