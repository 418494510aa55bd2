package tenant

import (
	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

func getCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:   "get TENANT",
		Short: "Read one customer's wish and its status",
		Example: `  stamp tenant get acme
  stamp tenant get acme -o json
  stamp show acme                 everything about it, for people`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, p, err := s.Open()
			if err != nil {
				return err
			}
			tenant := &registryv1.Tenant{}
			if err := c.Get(cmd.Context(), "/v1/"+names.Tenant(args[0]), nil, tenant); err != nil {
				return err
			}
			return printer.One(p, view(p.Now()), tenant)
		},
	}
}
