package backup

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/emptypb"

	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

func deleteCommand(s *session.Session) *cobra.Command {
	o := &options{Session: s}
	cmd := o.one(&cobra.Command{
		Short: "Delete a backup and its data, for good",
		Long: `Delete a backup and its data, for good. It is refused while an upgrade, a restore or a new customer could need
it. On a terminal it asks; elsewhere it wants --yes.`,
		Example: `  stamp backup delete acme backup-3
  stamp backup delete acme backup-3 --yes`,
	}, "delete", func(cmd *cobra.Command) error { return runDelete(cmd.Context(), o) })
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	return cmd
}

func runDelete(ctx context.Context, o *options) error {
	if !o.yes {
		answer, err := o.Ask("Delete "+names.Short(o.name)+" for good? [y/N]", "--yes")
		if err != nil {
			return err
		}
		if !strings.EqualFold(answer, "y") && !strings.EqualFold(answer, "yes") {
			return &exit.Error{Code: exit.Failure, Message: "nothing was done"}
		}
	}
	if err := o.client.Delete(ctx, "/v1/"+o.name, nil, &emptypb.Empty{}); err != nil {
		return err
	}
	o.Say("%s is deleted", names.Short(o.name))
	return nil
}
