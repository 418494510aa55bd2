package source

import (
	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

func listCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List sources",
		Example: `  stamp source list`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, p, err := s.Open()
			if err != nil {
				return err
			}
			list := &registryv1.ListSourcesResponse{}
			if err := client.List(cmd.Context(), c, "/v1/sources", nil, true, list); err != nil {
				return err
			}
			if len(list.GetSources()) == 0 {
				s.Say("no sources; set one up with: stamp source create NAME")
			}
			return printer.List(p, view(p.Now()), list, list.GetSources())
		},
	}
}
