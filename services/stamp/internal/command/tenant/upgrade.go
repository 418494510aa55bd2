package tenant

import (
	"context"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/structpb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/inputs"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

type upgradeOptions struct {
	changeOptions
	revision, reason          string
	inputs                    []string
	now, validateOnly, dryRun bool
}

func upgradeCommand(s *session.Session) *cobra.Command {
	o := &upgradeOptions{changeOptions: changeOptions{Session: s}}
	cmd := &cobra.Command{
		Use:   "upgrade TENANT [REVISION]",
		Short: "Move a customer's copy to another revision of its product",
		Long: `Move a customer's copy to another revision of its product: the newest one, unless a REVISION
such as 1.1.0 is given. Older revisions, and those whose upgrade_from leaves out what runs, are refused.

It begins in the tenant's maintenance window, if it has one; --now does not wait for it. An upgrade that
is begun already can be hurried so as well, and one that failed is tried again.

--validate-only says whether it would be refused, and what would keep it from beginning: a hold, a closed
window, no room. --dry-run also shows what would be done to the copy as it is. Both write nothing.
` + legend,
		Example: `  stamp tenant upgrade acme --wait
  stamp tenant upgrade acme 1.1.0 --now --reason "fixes the search" --wait
  stamp tenant upgrade acme 1.2.0 --input domain=acme.example --wait
  stamp tenant upgrade acme --validate-only       would it be refused, or wait?
  stamp tenant upgrade acme --dry-run             what would it do?`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = names.Tenant(args[0])
			if len(args) > 1 {
				o.revision = args[1]
			}
			if err := o.open(); err != nil {
				return err
			}
			return runUpgrade(cmd.Context(), o)
		},
	}
	o.flags(cmd)
	o.etagFlag(cmd)
	cmd.Flags().BoolVar(&o.now, "now", false, "do not wait for the maintenance window")
	cmd.Flags().StringArrayVar(&o.inputs, "input", nil, "what the new revision asks, as `KEY=VALUE`; repeatable. Others stay")
	cmd.Flags().StringVar(&o.reason, "reason", "", "why, for the timeline")
	cmd.Flags().BoolVar(&o.validateOnly, "validate-only", false, "check everything, and write nothing")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "the same, and show what would be done")
	return cmd
}

func runUpgrade(ctx context.Context, o *upgradeOptions) error {
	revision, err := o.wanted(ctx)
	if err != nil {
		return err
	}
	given, err := o.given(ctx, revision)
	if err != nil {
		return err
	}
	op := &longrunningpb.Operation{}
	if err := o.client.Post(ctx, "/v1/"+o.name+":upgrade", nil, &registryv1.UpgradeTenantRequest{
		Name: o.name, Etag: o.etag, Revision: revision, Inputs: given, Reason: o.reason, Now: o.now, ValidateOnly: o.validateOnly || o.dryRun,
	}, op); err != nil {
		if o.dryRun {
			return refused(ctx, &o.changeOptions, &registryv1.Tenant{Name: o.name, Blueprint: revision}, o.now, err)
		}
		return err
	}
	if o.dryRun {
		return previewOf(ctx, &o.changeOptions, op, o.now)
	}
	if o.validateOnly {
		if err := o.checked(op); err != nil {
			return err
		}
		return sayWhatWaits(ctx, &o.changeOptions, op, o.now)
	}
	return o.finish(ctx, op)
}

// given are the inputs of the flags, as the revision types them.
func (o *upgradeOptions) given(ctx context.Context, revision string) (map[string]*structpb.Value, error) {
	if len(o.inputs) == 0 {
		return nil, nil
	}
	if revision == "" {
		tenant := &registryv1.Tenant{}
		if err := o.client.Get(ctx, "/v1/"+o.name, nil, tenant); err != nil {
			return nil, err
		}
		revision = product(tenant.GetBlueprint())
	}
	return inputs.Parse(o.inputs, recipeOf(ctx, o.client, revision))
}

// wanted is the name of the revision. A bare 1.1.0 is of the tenant's product.
func (o *upgradeOptions) wanted(ctx context.Context) (string, error) {
	if o.revision == "" || o.revision[0] < '0' || o.revision[0] > '9' {
		return names.Wish(o.revision), nil
	}
	tenant := &registryv1.Tenant{}
	if err := o.client.Get(ctx, "/v1/"+o.name, nil, tenant); err != nil {
		return "", err
	}
	product, _, _ := strings.Cut(tenant.GetBlueprint(), "/revisions/")
	return product + "/revisions/" + o.revision, nil
}
