// Package pki is `stamp pki`: certificates and API tokens for services that
// run as programs of their own. `stamp dev` makes its own.
package pki

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"stampworks.dev/pkg/rpc/pki"
	"stampworks.dev/services/stamp/internal/session"
)

// services are those that have a certificate.
var services = []string{"tenant-registry", "provisioner", "health", "gateway"}

// Command is `stamp pki`.
func Command(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pki",
		Short: "Make the certificates that services prove themselves with",
		Long: `Make the certificates that services prove themselves with to each other (mTLS).
A certificate says one thing: which service its holder is, in a URI
stampworks://service/NAME. The authority's key stays in the folder where it was
made; copy to each machine only ca.crt and the service's own two files. Services
read them again when they change.`,
		Example: `  stamp pki init /etc/stampworks/pki
  stamp pki issue /etc/stampworks/pki               for all services
  stamp pki issue /etc/stampworks/pki provisioner   for one`,
	}
	cmd.AddCommand(initCommand(s), issueCommand(s))
	return cmd
}

func initCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:   "init DIR",
		Short: "Make the authority; one that is there is kept",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := pki.CreateCA(args[0]); err != nil {
				return err
			}
			s.Say("the authority is in %s; next: stamp pki issue %s", args[0], args[0])
			return nil
		},
	}
}

func issueCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:       "issue DIR [SERVICE…]",
		Short:     "Issue or renew certificates; those that are still good are kept",
		Args:      cobra.MatchAll(cobra.MinimumNArgs(1), known),
		ValidArgs: services,
		RunE: func(_ *cobra.Command, args []string) error {
			wanted := args[1:]
			if len(wanted) == 0 {
				wanted = services
			}
			for _, name := range wanted {
				files, err := pki.Issue(args[0], name)
				if err != nil {
					return err
				}
				if _, err := fmt.Fprintf(s.Out, "%-16s ca: %s  cert: %s  key: %s\n", name, files.CA, files.Cert, files.Key); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// known refuses a service that there is not: its certificate would open nothing.
func known(_ *cobra.Command, args []string) error {
	for _, name := range args[1:] {
		if !strings.Contains(" "+strings.Join(services, " ")+" ", " "+name+" ") {
			return fmt.Errorf("no service %q; there are %s", name, strings.Join(services, ", "))
		}
	}
	return nil
}
