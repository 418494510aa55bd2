package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type getOptions struct {
	*session.Session
	client  *client.Client
	printer *printer.Printer
}

func getCommand(s *session.Session) *cobra.Command {
	o := &getOptions{Session: s}
	return &cobra.Command{
		Use:   "get DELIVERY",
		Short: "Read one delivery with its body",
		Example: `  stamp delivery get demo/3f2a
  stamp delivery get demo/3f2a -o json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Deliveries(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return runGet(cmd.Context(), o, args[0])
		},
	}
}

func runGet(ctx context.Context, o *getOptions, text string) error {
	name, err := fullName(ctx, o.client, text)
	if err != nil {
		return err
	}
	d := &registryv1.Delivery{}
	if err := o.client.Get(ctx, "/v1/"+name, nil, d); err != nil {
		return err
	}
	if err := printer.One(o.printer, View(o.printer.Now()), d); err != nil || !o.printer.ForPeople() {
		return err
	}
	if d.GetPreview() != "" {
		fmt.Fprintf(o.Out, "\nTenant\n%s\n", indented([]byte(d.GetPreview())))
	}
	fmt.Fprintf(o.Out, "\nBody\n%s\n", indented(d.GetBody()))
	return nil
}

// indented writes JSON for people; what is none stays as it is.
func indented(text []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, text, "  ", "  ") != nil {
		return "  " + printer.Safe(string(text))
	}
	return "  " + out.String()
}
