// Package ready is the command `stamp ready`: the salesperson's question.
package ready

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/command/source"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/progress"
	"stampworks.dev/services/stamp/internal/session"
)

type options struct {
	*session.Session
	client                  *client.Client
	printer                 *printer.Printer
	blueprint, plan, region string
	count                   int32
}

// Command is `stamp ready`.
func Command(s *session.Session) *cobra.Command {
	o := &options{Session: s}
	cmd := &cobra.Command{
		Use:   "ready",
		Short: "Can we take the next customer? YES, NO or UNKNOWN, with the evidence",
		Example: `  stamp ready
  stamp ready --blueprint helpdesk --plan enterprise --count 3`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.blueprint, "blueprint", "", "the product (default the one of stamp dev --demo, or the only one there is)")
	cmd.Flags().StringVar(&o.plan, "plan", "", "the size and tier (default the blueprint's)")
	cmd.Flags().StringVar(&o.region, "region", "", "where (default anywhere)")
	cmd.Flags().Int32Var(&o.count, "count", 1, "how many customers")
	complete.Flags(cmd, s)
	return cmd
}

func run(ctx context.Context, o *options) (err error) {
	if o.printer.Format == printer.Name {
		return exit.Usagef("-o name: an answer has no name")
	}
	if o.blueprint == "" {
		if o.blueprint, err = source.AssumedBlueprint(ctx, o.Session, o.client); err != nil {
			return err
		}
	}
	answer := &provisionerv1.EvaluateReadinessResponse{}
	ask := &provisionerv1.EvaluateReadinessRequest{Blueprint: names.Wish(o.blueprint), Plan: o.plan, Region: o.region, Count: o.count}
	if err := o.client.Post(ctx, "/v1/readiness:evaluate", nil, ask, answer); err != nil {
		return err
	}
	if !o.printer.ForPeople() {
		return o.printer.Message(answer)
	}
	for _, line := range Page(answer) {
		fmt.Fprintln(o.Out, line)
	}
	return nil
}

// Page is the answer in one sentence, then its evidence.
func Page(a *provisionerv1.EvaluateReadinessResponse) []string {
	lines := []string{Sentence(a), ""}
	rows := [][]string{{"CELL", "MORE FIT", "TIGHTEST", "FREE", "WHY NOT"}}
	for _, c := range a.GetCells() {
		rows = append(rows, []string{
			names.Short(c.GetCell()), fmt.Sprint(c.GetHeadroom()), printer.Resource(c.GetTightestResource()), free(c), c.GetExcludedReason(),
		})
	}
	if len(rows) > 1 {
		lines = append(lines, printer.Align("  ", rows)...)
	}
	if t := a.GetLeadTime(); t.GetP50() != nil { // too few say nothing about speed
		lines = append(lines, fmt.Sprintf("  speed: half took less than %s, nineteen of twenty less than %s; %d of the last %d failed",
			progress.Seconds(t.GetP50().AsDuration()), progress.Seconds(t.GetP95().AsDuration()), t.GetFailures(), t.GetSamples()))
	}
	for _, c := range a.GetCaveats() {
		lines = append(lines, "  note: "+c)
	}
	return append(lines, fmt.Sprintf("  for: %s, plan %s", names.Short(a.GetRevision()), a.GetPlan()))
}

// Sentence is the verdict and its sentence, once.
func Sentence(a *provisionerv1.EvaluateReadinessResponse) string {
	verdict := a.GetVerdict().String()
	if strings.HasPrefix(strings.ToUpper(a.GetSentence()), verdict) {
		return a.GetSentence()
	}
	return verdict + ": " + a.GetSentence()
}

// free is what is left of the resource that ends first.
func free(c *provisionerv1.CellHeadroom) string {
	for resource, n := range c.GetFree() {
		if printer.Resource(resource) == printer.Resource(c.GetTightestResource()) {
			return printer.Amount(resource, n)
		}
	}
	return ""
}
