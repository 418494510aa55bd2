package dev

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Command is `stamp dev`.
func Command(version string) *cobra.Command {
	opts := Options{Version: version}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run all of Stampworks on this machine, in one process",
		Long: `Run all of Stampworks on this machine, in one process: etcd, the four services
and a local cell. It listens on loopback only, makes its own certificates and
one admin token, and writes .stamp/client.json, so that the other commands find
it from this folder.

Ctrl-C ends the control plane. Customers' copies go on, unless --demo is given
without --keep: then they are stopped, and their data is kept.`,
		Example: `  stamp dev                       run Stampworks here
  stamp dev --demo                and win a first deal
  stamp dev stop                  stop the copies that go on without it`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.Out, opts.Err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			opts.Terminal = opts.Out == os.Stdout && term.IsTerminal(int(os.Stdout.Fd()))
			if opts.TokenFile == "" {
				opts.TokenFile = filepath.Join(opts.DataDir, "token")
			}
			return Run(cmd.Context(), opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.Listen, "listen", "127.0.0.1:8080", "where REST, hooks and the page are; loopback only")
	flags.StringVar(&opts.TokenFile, "token-file", "", "where the admin token is written (default: token in the data folder)")
	flags.StringVar(&opts.Supervisor, "supervisor", "", "the stamp-supervisor program (default: beside this one)")
	flags.StringVar(&opts.HostDir, "host-dir", "", "what all Stampworks on this machine share (default: below /var/lib, or your state folder)")
	flags.StringSliceVar(&opts.Artifacts, "artifacts", nil, "more folders that artifacts may be files of, besides this one and the program's")
	flags.BoolVar(&opts.Demo, "demo", false, "publish the sample product and win a deal")
	flags.BoolVar(&opts.Lite, "lite", false, "with --demo: SQLite even where PostgreSQL is")
	flags.BoolVar(&opts.Keep, "keep", false, "with --demo: leave the copies running at the end")
	cmd.PersistentFlags().StringVar(&opts.DataDir, "data-dir", filepath.Join(".stamp", "data"), "where everything is kept")
	cmd.AddCommand(&cobra.Command{
		Use:   "stop",
		Short: "Stop the copies that go on without a control plane, and keep their data",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return Stop(cmd.Context(), opts.DataDir, cmd.OutOrStdout())
		},
	})
	return cmd
}
