package operation

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/progress"
	"stampworks.dev/services/stamp/internal/session"
	"stampworks.dev/services/stamp/internal/wait"
)

type getOptions struct {
	*session.Session
	client  *client.Client
	printer *printer.Printer
	name    string
}

func getCommand(s *session.Session) *cobra.Command {
	o := &getOptions{Session: s, name: ""}
	return &cobra.Command{
		Use:   "get OPERATION",
		Short: "Read one operation with its steps",
		Example: `  stamp operation get acme.1
  stamp operation get acme            the newest of a tenant`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			if o.name, err = Name(cmd.Context(), o.client, args[0]); err != nil {
				return err
			}
			return runGet(cmd.Context(), o)
		},
	}
}

func runGet(ctx context.Context, o *getOptions) error {
	op := &longrunningpb.Operation{}
	if err := o.client.Get(ctx, "/v1/"+o.name, nil, op); err != nil {
		return err
	}
	if err := Print(o.printer, op); err != nil || !o.printer.ForPeople() {
		return err
	}
	meta, err := progress.Metadata(op)
	if err != nil {
		return err
	}
	for _, line := range Details(meta, o.printer) {
		fmt.Fprintln(o.Out, line)
	}
	return nil
}

// Details are an operation's rows, and what went wrong.
func Details(meta *typev1.OperationMetadata, p *printer.Printer) []string {
	var lines []string
	for _, line := range progress.Lines(meta, p.Now()) {
		lines = append(lines, "  "+line)
	}
	if f := meta.GetFailure(); f != nil && meta.GetState() != typev1.OperationMetadata_SUCCEEDED {
		what := "failed"
		if meta.GetState() != typev1.OperationMetadata_FAILED {
			what = fmt.Sprintf("attempt %d failed", cmp.Or(f.GetAttempt(), 1))
		}
		lines = append(lines, "  "+what+": "+strings.Join(wait.Explain(f), "\n    "))
	}
	for _, o := range meta.GetObstacles() {
		lines = append(lines, fmt.Sprintf("  waits: %s (%s)", o.GetMessage(), o.GetCode()))
		if o.GetNextAction() != "" {
			lines = append(lines, "    next: "+o.GetNextAction())
		}
	}
	return lines
}
