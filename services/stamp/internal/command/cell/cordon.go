package cell

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type cordonOptions struct {
	*session.Session
	client             *client.Client
	printer            *printer.Printer
	name, etag, reason string
}

func cordonCommand(s *session.Session) *cobra.Command {
	o := &cordonOptions{Session: s}
	cmd := &cobra.Command{
		Use:               "cordon CELL",
		Short:             "Keep new customers away from a cell; those there stay",
		Example:           `  stamp cell cordon local --reason "disk is replaced on Friday"`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Cells(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCordon(cmd.Context(), o, args[0], "cordon", func() proto.Message {
				return &registryv1.CordonCellRequest{Name: o.name, Etag: o.etag, Reason: o.reason}
			})
		},
	}
	cmd.Flags().StringVar(&o.reason, "reason", "", "why")
	cmd.Flags().StringVar(&o.etag, "etag", "", "change only what you saw")
	return cmd
}

func uncordonCommand(s *session.Session) *cobra.Command {
	o := &cordonOptions{Session: s}
	cmd := &cobra.Command{
		Use:               "uncordon CELL",
		Short:             "Let new customers onto a cell again",
		Example:           `  stamp cell uncordon local`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Cells(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCordon(cmd.Context(), o, args[0], "uncordon", func() proto.Message {
				return &registryv1.UncordonCellRequest{Name: o.name, Etag: o.etag}
			})
		},
	}
	cmd.Flags().StringVar(&o.etag, "etag", "", "change only what you saw")
	return cmd
}

func runCordon(ctx context.Context, o *cordonOptions, cell, verb string, body func() proto.Message) (err error) {
	if o.client, o.printer, err = o.Open(); err != nil {
		return err
	}
	o.name = names.Cell(cell)
	changed := &registryv1.Cell{}
	if err := o.client.Post(ctx, "/v1/"+o.name+":"+verb, nil, body(), changed); err != nil {
		return err
	}
	return printer.One(o.printer, view(o.printer.Now()), changed)
}
