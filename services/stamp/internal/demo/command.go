package demo

import (
	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/session"
)

// Command is `stamp demo`. The session is for `demo break`.
func Command(s *session.Session) *cobra.Command {
	opts := Options{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Prove the claims of the README, unattended",
		Long: `Prove the claims of the README, unattended: a Stampworks of its own in a
temporary folder wins five deliveries of three deals, looks across customers,
kills processes and the control plane, and removes everything. A line for each
claim; the last line is one JSON object; the exit code is not 0 when a proof
fails.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.Out, opts.Err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return Run(cmd.Context(), opts)
		},
	}
	cmd.Flags().BoolVar(&opts.Lite, "lite", false, "SQLite even where PostgreSQL is")
	cmd.Flags().BoolVar(&opts.Keep, "keep-files", false, "leave the temporary folder for a look")
	cmd.AddCommand(breakCommand(s))
	return cmd
}
