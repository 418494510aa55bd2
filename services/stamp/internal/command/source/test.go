package source

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/command/delivery"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type testOptions struct {
	*session.Session
	client     *client.Client
	printer    *printer.Printer
	name, file string
}

func testCommand(s *session.Session) *cobra.Command {
	o := &testOptions{Session: s}
	return &cobra.Command{
		Use:   "test NAME FILE",
		Short: "Show what a payload would lead to; nothing is stored",
		Example: `  stamp source test crm deal.json
  curl -s https://crm.example/sample | stamp source test crm -`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: complete.Sources(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.name, o.file = names.Source(args[0]), args[1]
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return runTest(cmd.Context(), o)
		},
	}
}

func runTest(ctx context.Context, o *testOptions) error {
	var body []byte
	var err error
	if o.file == "-" {
		body, err = io.ReadAll(o.In)
	} else {
		body, err = os.ReadFile(o.file)
	}
	if err != nil {
		return fmt.Errorf("read payload: %w", err)
	}
	answer := &registryv1.TestSourceResponse{}
	if err := o.client.Post(ctx, "/v1/"+o.name+":test", nil, &registryv1.TestSourceRequest{Name: o.name, Body: body}, answer); err != nil {
		return err
	}
	d := answer.GetDelivery()
	if !o.printer.ForPeople() {
		return printer.One(o.printer, delivery.View(o.printer.Now()), d)
	}
	fmt.Fprintln(o.Out, told(d))
	if d.GetPreview() != "" {
		fmt.Fprintln(o.Out, d.GetPreview())
	}
	return nil
}
