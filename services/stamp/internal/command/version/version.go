// Package version is the command `stamp version`.
package version

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type answer struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Command is `stamp version`.
func Command(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which version this is", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return run(s) },
	}
}

func run(s *session.Session) error {
	p, err := s.Printer()
	if err != nil {
		return err
	}
	a := answer{s.Version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	switch p.Format {
	case printer.Name:
		return exit.Usagef("-o name: a version has no name")
	case printer.JSON, printer.YAML:
		text, err := json.Marshal(a)
		if err != nil {
			return fmt.Errorf("encode version: %w", err)
		}
		return p.Raw(text)
	}
	_, err = fmt.Fprintf(s.Out, "stamp %s %s %s\n", a.Version, a.Go, a.Platform)
	return err
}
