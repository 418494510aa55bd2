package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
	"stampworks.dev/services/stamp/internal/wait"
)

type logsOptions struct {
	*session.Session
	client    *client.Client
	name      string
	component string
	follow    bool
	tail      int
}

func logsCommand(s *session.Session) *cobra.Command {
	o := &logsOptions{Session: s}
	cmd := &cobra.Command{
		Use:   "logs TENANT [COMPONENT]",
		Short: "Read what a customer's copy logs",
		Example: `  stamp tenant logs acme
  stamp tenant logs acme db -f --tail 20`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: complete.Components(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.name = names.Tenant(args[0])
			if len(args) > 1 {
				o.component = args[1]
			}
			if o.client, err = s.Client(); err != nil {
				return err
			}
			return runLogs(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on until Ctrl-C")
	cmd.Flags().IntVar(&o.tail, "tail", 100, "how many `lines` of the end, of each component")
	return cmd
}

func runLogs(ctx context.Context, o *logsOptions) error {
	query := url.Values{"tail": {strconv.Itoa(o.tail)}}
	if o.component != "" {
		query.Set("component", o.component)
	}
	if o.follow {
		query.Set("follow", "true")
	}
	told := map[string]bool{}
	err := o.client.Stream(ctx, "/v1/"+o.name+"/stamp:logs", query, func(text json.RawMessage) error {
		line := &provisionerv1.ReadLogsResponse{}
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, line); err != nil {
			return fmt.Errorf("decode log line: %w", err)
		}
		told[line.GetComponent()] = true
		if o.component != "" {
			_, err := fmt.Fprintln(o.Out, line.GetLine())
			return err
		}
		_, err := fmt.Fprintf(o.Out, "%-8s %s\n", line.GetComponent(), line.GetLine())
		return err
	})
	if errors.Is(err, context.Canceled) {
		return exit.Said(exit.Interrupted)
	}
	if err != nil {
		return err
	}
	return o.tellJob(ctx, told)
}

// tellJob says what a job that failed printed: that is in no component's log. Who
// reads the logs of a copy that was never made looks for just that.
func (o *logsOptions) tellJob(ctx context.Context, told map[string]bool) error {
	tenant := &registryv1.Tenant{}
	if err := o.client.Get(ctx, "/v1/"+o.name, nil, tenant); err != nil {
		return ctx.Err() // the logs themselves were read
	}
	f := tenant.GetStatus().GetFailure()
	of := f.GetComponent()
	if f != nil && of != "" && !told[of] && (o.component == "" || o.component == of) {
		o.Say("%s has logged nothing. What its failed job printed last:", of)
		for _, line := range wait.Explain(f) {
			o.Say("  %s", line)
		}
		o.Say("all of that operation: stamp operation get %s", names.Short(o.name))
		o.Say("all that its jobs printed is on its cell: jobs/%s.*.log in the directory of the copy, below the provisioner's data_dir", of)
		return nil
	}
	if len(told) == 0 {
		o.Say("nothing is logged")
	}
	return nil
}
