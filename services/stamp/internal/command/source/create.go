package source

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoreflect"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/secretfile"
	"stampworks.dev/services/stamp/internal/session"
)

func valueOf(text string) protoreflect.Value { return protoreflect.ValueOfString(text) }

type createOptions struct {
	*session.Session
	settings
	client  *client.Client
	printer *printer.Printer
	id      string
}

func createCommand(s *session.Session) *cobra.Command {
	o := &createOptions{Session: s}
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Set up a CRM; prints its URL, its secret once, and where to paste them",
		Long: `Set up a CRM that sends deals. A new source is in DRY_RUN: its deliveries say what they would
have led to. The secret is shown once, and kept in .stamp/sources.json for "stamp source send".`,
		Example: `  stamp source create crm
  stamp source create crm --mode AUTO --won 'event.stage == "won"' --map display_name=event.account.name`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.id = names.Short(names.Source(args[0]))
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return runCreate(cmd.Context(), o)
		},
	}
	o.add(cmd)
	complete.Flags(cmd, s)
	return cmd
}

func runCreate(ctx context.Context, o *createOptions) error {
	wish, err := o.source(&registryv1.Mapping{})
	if err != nil {
		return err
	}
	made := &registryv1.Source{}
	if err := o.client.Post(ctx, "/v1/sources", url.Values{"source_id": {o.id}}, wish, made); err != nil {
		return err
	}
	if err := Keep(o.Session, o.client, made, o.secret); err != nil {
		o.Say("the secret is not kept for \"stamp source send\": %v", err)
	}
	if !o.printer.ForPeople() {
		return printer.One(o.printer, view(o.printer.Now()), made)
	}
	fmt.Fprintf(o.Out, "Source  %s (%s)\nURL     %s\n", o.id, made.GetMode(), made.GetWebhookUrl())
	showSecret(o.Session, made)
	if made.GetSetupInstructions() != "" {
		fmt.Fprintf(o.Out, "\n%s\n", strings.TrimSpace(made.GetSetupInstructions()))
	}
	return nil
}

// showSecret shows a secret that was made for a source; nobody can read it again.
func showSecret(s *session.Session, made *registryv1.Source) {
	if made.GetGeneratedSecret() != "" {
		fmt.Fprintf(s.Out, "Secret  %s\n        shown this once\n", made.GetGeneratedSecret())
	}
}

// Keep stores a new source's secret for `stamp source send`.
func Keep(s *session.Session, c *client.Client, made *registryv1.Source, given string) error {
	secret := made.GetGeneratedSecret()
	if secret == "" {
		secret = given
	}
	if secret == "" {
		return nil
	}
	return secretfile.Write(s.Dir, c.Address(), names.Short(made.GetName()), secret)
}
