package backup

import (
	"github.com/spf13/cobra"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

func getCommand(s *session.Session) *cobra.Command {
	o := &options{Session: s}
	return o.one(&cobra.Command{
		Short: "Read what is known of one backup",
		Example: `  stamp backup get acme backup-3
  stamp backup get acme/backup-3 -o json`,
	}, "get", func(cmd *cobra.Command) error {
		b := &provisionerv1.Backup{}
		if err := o.client.Get(cmd.Context(), "/v1/"+o.name, nil, b); err != nil {
			return err
		}
		return printer.One(o.printer, view(o.printer.Now()), b)
	})
}
