// Package secrets is the commands `stamp secrets …`: the key files with which the
// services seal what they keep.
package secrets

import (
	"github.com/spf13/cobra"

	"stampworks.dev/pkg/secretbox"
	"stampworks.dev/services/stamp/internal/command/noun"
	"stampworks.dev/services/stamp/internal/session"
)

// Command is `stamp secrets`.
func Command(s *session.Session) *cobra.Command {
	return noun.Group("secrets", "The key files with which secrets are sealed", rekeyCommand(s))
}

func rekeyCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:   "rekey FILE",
		Short: "Put a new key before the others of a key file",
		Long: `Put a new key before the others of a key file. Copy the file to every replica of the service, and
start each again: from then on it seals with the new key, and the provisioner seals again what is
under an older one, and logs how much that was. Only then may older lines leave the file.`,
		Example: `  stamp secrets rekey /var/lib/stampworks/provisioner/secret.key`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := secretbox.Rotate(args[0]); err != nil {
				return err
			}
			s.Say("%s has a new key; copy it to every replica, and start each again", args[0])
			return nil
		},
	}
}
