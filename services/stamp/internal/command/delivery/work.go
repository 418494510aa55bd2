package delivery

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

// workedOnWithin is how long a delivery may wait until it is worked on.
const workedOnWithin = 15 * time.Second

// WaitOutcome reads a delivery until it has been worked on.
func WaitOutcome(ctx context.Context, c *client.Client, name string) (*registryv1.Delivery, error) {
	deadline := time.NewTimer(workedOnWithin)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	last := &registryv1.Delivery{}
	for {
		d := &registryv1.Delivery{}
		if err := c.Get(ctx, "/v1/"+name, nil, d); err != nil {
			return last, err
		}
		if last = d; d.GetOutcome() != registryv1.Delivery_OUTCOME_UNSPECIFIED {
			return d, nil
		}
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-deadline.C:
			return last, &exit.Error{
				Code: exit.TimedOut, Message: names.Short(name) + " is stored, and was not worked on yet",
				Next: "look again with: stamp delivery get " + names.Short(name),
			}
		case <-tick.C:
		}
	}
}

type workOptions struct {
	*session.Session
	client  *client.Client
	printer *printer.Printer
	verb    string
	body    func(name string) proto.Message
}

func replayCommand(s *session.Session) *cobra.Command {
	o := &workOptions{Session: s, verb: "replay"}
	o.body = func(name string) proto.Message { return &registryv1.ReplayDeliveryRequest{Name: name} }
	return o.command("Work on a delivery again, as the source is set up now", `  stamp delivery replay demo/3f2a`)
}

func approveCommand(s *session.Session) *cobra.Command {
	o := &workOptions{Session: s, verb: "approve"}
	o.body = func(name string) proto.Message { return &registryv1.ApproveDeliveryRequest{Name: name} }
	return o.command("Let a delivery that waits for a person create its tenant", `  stamp delivery approve demo/3f2a`)
}

func (o *workOptions) command(short, example string) *cobra.Command {
	return &cobra.Command{
		Use: o.verb + " DELIVERY", Short: short, Example: example, Args: cobra.ExactArgs(1),
		ValidArgsFunction: complete.Deliveries(o.Session),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.client, o.printer, err = o.Open(); err != nil {
				return err
			}
			return runWork(cmd.Context(), o, args[0])
		},
	}
}

func runWork(ctx context.Context, o *workOptions, text string) error {
	name, err := fullName(ctx, o.client, text)
	if err != nil {
		return err
	}
	d := &registryv1.Delivery{}
	if err := o.client.Post(ctx, "/v1/"+name+":"+o.verb, nil, o.body(name), d); err != nil {
		return err
	}
	if d.GetOutcome() == registryv1.Delivery_OUTCOME_UNSPECIFIED {
		if d, err = WaitOutcome(ctx, o.client, name); err != nil {
			return err
		}
	}
	return printer.One(o.printer, View(o.printer.Now()), d)
}
