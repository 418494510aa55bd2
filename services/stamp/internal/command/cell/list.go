package cell

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
		Short:   "List cells, and how full each is",
		Example: `  stamp cell list -o wide`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, p, err := s.Open()
			if err != nil {
				return err
			}
			list := &registryv1.ListCellsResponse{}
			if err := client.List(cmd.Context(), c, "/v1/cells", nil, true, list); err != nil {
				return err
			}
			if len(list.GetCells()) == 0 {
				s.Say("no cells: no provisioner has reported yet; see: stamp doctor")
			}
			return printer.List(p, view(p.Now()), list, list.GetCells())
		},
	}
}
