// Package show is the command `stamp show`: everything about one customer on
// one screen.
package show

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

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

// Command is `stamp show`.
func Command(s *session.Session) *cobra.Command {
	o := &options{Session: s}
	return &cobra.Command{
		Use:   "show TENANT",
		Short: "Show everything about one customer on one screen",
		Example: `  stamp show acme
  stamp show acme -o json        wish, stamp, health, operations, timeline and backups in one object`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.tenant = names.Tenant(args[0])
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
}

func run(ctx context.Context, o *options) error {
	all, err := read(ctx, o.client, o.tenant)
	if err != nil {
		return err
	}
	switch o.printer.Format {
	case printer.Name:
		_, err = fmt.Fprintln(o.Out, all.tenant.GetName())
		return err
	case printer.JSON, printer.YAML:
		text, err := all.encode()
		if err != nil {
			return err
		}
		return o.printer.Raw(text)
	}
	for _, line := range all.page(o.printer.Now(), sheet{o.Width}) {
		fmt.Fprintln(o.Out, line)
	}
	for _, missing := range all.missing {
		o.Say("not shown: %s", missing)
	}
	return nil
}
