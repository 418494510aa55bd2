package tenant

import (
	"cmp"
	"context"
	"net/url"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

type updateOptions struct {
	changeOptions
	wish         wishFlags
	mask         []string
	restoreFrom  string
	validateOnly bool
	dryRun       bool
	now          bool
}

func updateCommand(s *session.Session) *cobra.Command {
	o := &updateOptions{changeOptions: changeOptions{Session: s}}
	cmd := &cobra.Command{
		Use:   "update TENANT",
		Short: "Change what is wanted for a customer; another revision upgrades it",
		Long: `Change what is wanted for a customer: only the flags that are given are changed. An --input is
added to the others, or takes the place of the one of that name.

What restarts the copy begins in the tenant's maintenance window, if it has one; --now does not wait for
it. By itself, --now lets begin what waits.

--dry-run checks everything, writes nothing, and shows what would be done to the copy as it is.
` + legend,
		Example: `  stamp tenant update acme --plan enterprise --wait
  stamp tenant update acme --blueprint helpdesk --dry-run        what would an upgrade do?
  stamp tenant update acme --blueprint helpdesk --wait           upgrade to the newest revision
  stamp tenant update acme --blueprint helpdesk@1.1.0 --wait     upgrade to this one
  stamp tenant update acme --maintenance-window "0 3 * * 6" --maintenance-duration 2h
  stamp tenant update acme --display-name "Acme Space" --etag 3f2a`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name, o.mask = names.Tenant(args[0]), mask(cmd)
			if err := o.open(); err != nil {
				return err
			}
			return runUpdate(cmd.Context(), o)
		},
	}
	o.wish.add(cmd, s)
	o.flags(cmd)
	o.etagFlag(cmd)
	cmd.Flags().BoolVar(&o.validateOnly, "validate-only", false, "check everything, and write nothing")
	cmd.Flags().StringVar(&o.restoreFrom, "restore-from", "", "begin with another backup, as `TENANT/BACKUP`, after the first was no use (BACKUP_INVALID)")
	cmd.Flags().BoolVar(&o.now, "now", false, "do not wait for the maintenance window")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "the same, and show what would be done")
	return cmd
}

func runUpdate(ctx context.Context, o *updateOptions) error {
	if len(o.mask) == 0 && !o.now {
		return exit.Usagef("nothing to change: give at least one of the flags of stamp tenant update --help")
	}
	current := &registryv1.Tenant{}
	if len(o.wish.inputs)+len(o.wish.labels) > 0 { // maps are sent whole
		if err := o.client.Get(ctx, "/v1/"+o.name, nil, current); err != nil {
			return err
		}
	}
	wish, err := o.wish.tenant(ctx, o.client, current.GetBlueprint())
	if err != nil {
		return err
	}
	if wish.Blueprint, err = newest(ctx, o.client, wish.GetBlueprint()); err != nil {
		return err
	}
	if err := restoreFrom(wish, o.restoreFrom); err != nil {
		return err
	}
	merge(wish, current)
	wish.Etag = cmp.Or(o.etag, current.GetEtag())
	query := url.Values{}
	if len(o.mask) > 0 {
		query.Set("update_mask", strings.Join(o.mask, ","))
	}
	if o.now {
		query.Set("now", "true")
	}
	if o.validateOnly || o.dryRun {
		query.Set("validate_only", "true")
	}
	op := &longrunningpb.Operation{}
	if err := o.client.Patch(ctx, "/v1/"+o.name, query, wish, op); err != nil {
		if o.dryRun {
			wish.Name = o.name
			return refused(ctx, &o.changeOptions, wish, o.now, err)
		}
		return err
	}
	if o.dryRun {
		return previewOf(ctx, &o.changeOptions, op, o.now)
	}
	if o.validateOnly {
		return o.checked(op)
	}
	return o.finish(ctx, op)
}

// newest is the newest revision of a blueprint. The registry would take the
// blueprint alone for the revision that the tenant has.
func newest(ctx context.Context, c *client.Client, name string) (string, error) {
	if strings.Count(name, "/") != 1 {
		return name, nil
	}
	blueprint := &registryv1.Blueprint{}
	err := c.Get(ctx, "/v1/"+name, nil, blueprint)
	return blueprint.GetLatestRevision(), err
}

// merge adds what is there to the maps of a wish. A change by somebody else
// in between would be lost, so the etag of what was read goes along.
func merge(wish, current *registryv1.Tenant) {
	for key, value := range current.GetInputs() {
		if _, given := wish.GetInputs()[key]; !given && wish.Inputs != nil {
			wish.Inputs[key] = value
		}
	}
	for key, value := range current.GetLabels() {
		if _, given := wish.GetLabels()[key]; !given && wish.Labels != nil {
			wish.Labels[key] = value
		}
	}
}
