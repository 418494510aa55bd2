// Package doctor is the command `stamp doctor`: what is missing, and how to
// put it right.
package doctor

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

// Finding is how one check ended.
type Finding struct {
	Check string `json:"check"`
	// Level is "ok", "warn" or "FAIL".
	Level string `json:"level"`
	Saw   string `json:"saw"`
	// Fix is what to do, when it is not ok.
	Fix string `json:"fix,omitempty"`
}

// The levels.
const (
	fine = "ok"
	warn = "warn"
	fail = "FAIL"
)

// Command is `stamp doctor`.
func Command(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check what Stampworks needs here, and say how to put it right",
		Long: `Check the gateway, the token, the services behind it, the clocks, the cells and the programs that they
need, and whether customers are backed up as their plans say. Ends with 1 when a check fails; warnings do not count.`,
		Example: `  stamp doctor`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := s.Printer()
			if err != nil {
				return err
			}
			return run(cmd.Context(), s, p)
		},
	}
}

func run(ctx context.Context, s *session.Session, p *printer.Printer) error {
	findings := append(local(s), remote(ctx, s)...)
	if err := write(s, p, findings); err != nil {
		return err
	}
	for _, f := range findings {
		if f.Level == fail {
			return exit.Said(exit.Failure)
		}
	}
	return nil
}

func write(s *session.Session, p *printer.Printer, findings []Finding) error {
	if p.Format == printer.JSON || p.Format == printer.YAML {
		text, err := json.Marshal(findings)
		if err != nil {
			return fmt.Errorf("encode findings: %w", err)
		}
		return p.Raw(text)
	}
	for _, f := range findings {
		fmt.Fprintf(s.Out, "%-4s  %-11s %s\n", f.Level, f.Check, f.Saw)
		if f.Fix != "" {
			fmt.Fprintf(s.Out, "      %-11s fix: %s\n", "", f.Fix)
		}
	}
	return nil
}
