// Package trace is the command `stamp trace`: the waterfall of a customer's
// last operation, drawn without a tracing backend.
package trace

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/command/operation"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/progress"
	"stampworks.dev/services/stamp/internal/session"
)

// barWidth keeps a line within 100 columns.
const barWidth = 48

type options struct {
	*session.Session
	client  *client.Client
	printer *printer.Printer
}

// Command is `stamp trace`.
func Command(s *session.Session) *cobra.Command {
	o := &options{Session: s}
	return &cobra.Command{
		Use:   "trace TENANT|OPERATION",
		Short: "Draw where the time of a customer's last operation went",
		Long: `Draw the steps of a customer's last operation over time, from when it was asked for. Those marked with * are the critical path:
had one of them been faster, all would have been. The trace id is that of OpenTelemetry.`,
		Example: `  stamp trace acme
  stamp trace acme.1`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return run(cmd.Context(), o, args[0])
		},
	}
}

func run(ctx context.Context, o *options, text string) error {
	name, err := operation.Name(ctx, o.client, text)
	if err != nil {
		return err
	}
	op := &longrunningpb.Operation{}
	if err := o.client.Get(ctx, "/v1/"+name, nil, op); err != nil {
		return err
	}
	if !o.printer.ForPeople() {
		return operation.Print(o.printer, op)
	}
	meta, err := progress.Metadata(op)
	if err != nil {
		return err
	}
	for _, line := range Waterfall(name, meta, o.printer.Now()) {
		fmt.Fprintln(o.Out, line)
	}
	return nil
}

// Waterfall draws an operation's steps, a line each.
func Waterfall(name string, op *typev1.OperationMetadata, now time.Time) []string {
	span := progress.Elapsed(op, now)
	head := fmt.Sprintf("%s  %s %s, %s", strings.TrimPrefix(name, "operations/"), op.GetKind(), op.GetState(), progress.Seconds(span))
	if op.GetTraceId() != "" {
		head += "  trace " + op.GetTraceId()
	}
	lines := []string{head}
	width, onPath := len("queued"), critical(op.GetSteps())
	for _, s := range op.GetSteps() {
		width = max(width, utf8.RuneCountInString(s.GetId()))
	}
	began := progress.Began(op)
	if start := op.GetStartTime(); start != nil {
		lines = append(lines, queued(start.AsTime().Sub(began), width, span))
	}
	for _, s := range op.GetSteps() {
		lines = append(lines, line(s, width, onPath[s.GetId()], began, span, now))
	}
	if len(op.GetSteps()) == 0 {
		return append(lines, "  no step has begun")
	}
	return append(lines, "* on the critical path")
}

// queued draws the time from when the change was asked for, which for a deal is
// when its message was worked on, until its first step.
func queued(took time.Duration, width int, span time.Duration) string {
	took = max(took, 0)
	row := progress.Row{Parts: []progress.Part{{End: took}}}
	return fmt.Sprintf("  %-*s  %s %7s", width, "queued", row.Bar(span, barWidth), progress.Seconds(took))
}

func line(s *typev1.Step, width int, critical bool, began time.Time, span time.Duration, now time.Time) string {
	mark := " "
	if critical {
		mark = "*"
	}
	row, took := progress.Row{}, "waiting"
	if s.GetState() == typev1.Step_SKIPPED {
		took = "skipped"
	}
	if s.GetStartTime() != nil {
		end := now
		if s.GetEndTime() != nil {
			end = s.GetEndTime().AsTime()
		}
		part := progress.Part{Start: max(s.GetStartTime().AsTime().Sub(began), 0), End: max(end.Sub(began), 0)}
		row.Parts = []progress.Part{part}
		took = progress.Seconds(part.Took())
	}
	note := ""
	switch s.GetState() {
	case typev1.Step_FAILED:
		note = "  failed: " + printer.Safe(s.GetMessage())
	case typev1.Step_RUNNING:
		note = "  running"
	}
	return fmt.Sprintf("%s %-*s  %s %7s%s", mark, width, s.GetId(), row.Bar(span, barWidth), took, note)
}
