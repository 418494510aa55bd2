package tenant

import (
	"context"
	"net/url"
	"regexp"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/session"
)

type createOptions struct {
	changeOptions
	wish         wishFlags
	id           string
	restoreFrom  string
	requestID    string
	validateOnly bool
	dryRun       bool
}

func createCommand(s *session.Session) *cobra.Command {
	o := &createOptions{changeOptions: changeOptions{Session: s}}
	cmd := &cobra.Command{
		Use:   "create [TENANT]",
		Short: "Wish for a new customer's copy",
		Long: `Wish for a new customer's copy. Without an id one is made of the display name.

The copy is made by the provisioner; --wait shows the steps and ends when it answers.`,
		Example: `  stamp tenant create acme --display-name "Acme Rockets" --blueprint helpdesk \
      --input admin_email=dana@acme.example --wait
  stamp tenant create --display-name Globex --blueprint helpdesk@1.0.0 --plan enterprise --deal-id 4711
  stamp tenant create acme-copy --blueprint helpdesk --restore-from acme/backup-3 \
      --input admin_email=dana@acme.example --wait`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.id = args[0]
			}
			if err := o.open(); err != nil {
				return err
			}
			return runCreate(cmd.Context(), o)
		},
	}
	o.wish.add(cmd, s)
	o.flags(cmd)
	cmd.Flags().StringVar(&o.restoreFrom, "restore-from", "", "begin with the data of a backup, as `TENANT/BACKUP`")
	cmd.Flags().StringVar(&o.requestID, "request-id", "", "makes the same call repeatable for a day")
	cmd.Flags().BoolVar(&o.validateOnly, "validate-only", false, "check everything, and write nothing")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "the same, and show what would be made and whether there is room")
	return cmd
}

func runCreate(ctx context.Context, o *createOptions) error {
	if o.id == "" && o.wish.displayName == "" {
		return exit.Usagef("give an id, or --display-name to make one of")
	}
	if o.wish.displayName == "" {
		o.wish.displayName = o.id
	}
	wish, err := o.wish.tenant(ctx, o.client, "")
	if err != nil {
		return err
	}
	if err := restoreFrom(wish, o.restoreFrom); err != nil {
		return err
	}
	if err := fits(ctx, o.client, wish); err != nil {
		return err
	}
	query := url.Values{}
	for key, value := range map[string]string{"tenant_id": o.id, "request_id": o.requestID} {
		if value != "" {
			query.Set(key, value)
		}
	}
	if o.validateOnly || o.dryRun {
		query.Set("validate_only", "true")
	}
	op := &longrunningpb.Operation{}
	if err := o.client.Post(ctx, "/v1/tenants", query, wish, op); err != nil {
		return err
	}
	if o.dryRun {
		return previewOf(ctx, &o.changeOptions, op, false)
	}
	if id := strings.TrimPrefix(tenantOf(op, ""), "tenants/"); o.id == "" && id != "" {
		o.Say("its id is %s%s", id, whyNumbered(id, o.wish.displayName))
	}
	if o.validateOnly {
		return o.checked(op)
	}
	return o.finish(ctx, op)
}

var numbered = regexp.MustCompile(`-[0-9]+$`)

// whyNumbered explains a number that is not the customer's own.
func whyNumbered(id, displayName string) string {
	number := numbered.FindString(id)
	if number == "" || strings.HasSuffix(strings.TrimSpace(displayName), number[1:]) {
		return ""
	}
	return ": " + strings.TrimSuffix(id, number) + " was used before"
}
