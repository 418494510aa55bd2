// Package recovery is the command `stamp recover`: tenants whose records were
// lost with etcd are made again from what their stamps know.
package recovery

import (
	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/session"
)

// Command is `stamp recover`.
func Command(s *session.Session) *cobra.Command {
	o := &options{Session: s}
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Make the tenants again that were lost with etcd, from what their stamps know",
		Long: `Make the tenants again that were lost with etcd, from what their stamps know. Copies go on running: they
are taken over, with their data, their passwords and their backups. A tenant that is there is left alone.

Before it: a new etcd, the services on it with the same key files and data folders, and the blueprints published
again. It needs an admin token. Calling it again is fine.`,
		Example: `  stamp recover --dry-run
  stamp recover --wait
  stamp recover --restored --wait`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.client, err = s.Client(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.cell, "cell", "", "only the stamps of this `cell`")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would come back, and write nothing")
	cmd.Flags().BoolVar(&o.restored, "restored", false, "etcd was restored from an older snapshot: take over again those that are there, too, with the backups made since")
	cmd.Flags().BoolVar(&o.wait, "wait", false, "wait until each is taken over")
	return cmd
}
