// Package version is the command `stamp version`.
package version

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/session"
)

// Command is `stamp version`.
func Command(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which version this is", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(s.Out, "stamp %s %s %s/%s\n", s.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
