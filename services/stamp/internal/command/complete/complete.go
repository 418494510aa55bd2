// Package complete offers to the shell what there is to name.
package complete

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

// patience is how long a person who pressed Tab waits.
const patience = 2 * time.Second

// Tenants completes the first argument with the tenants that there are.
func Tenants(s *session.Session) cobra.CompletionFunc {
	return first(func(ctx context.Context, c *client.Client) ([]cobra.Completion, error) {
		list := &registryv1.ListTenantsResponse{}
		err := client.List(ctx, c, "/v1/tenants", nil, true, list)
		var found []cobra.Completion
		for _, t := range list.GetTenants() {
			found = append(found, cobra.CompletionWithDesc(names.Short(t.GetName()), t.GetDisplayName()))
		}
		return found, err
	}, s)
}

// Cells completes the first argument with the cells that there are.
func Cells(s *session.Session) cobra.CompletionFunc {
	return first(func(ctx context.Context, c *client.Client) ([]cobra.Completion, error) {
		list := &registryv1.ListCellsResponse{}
		err := client.List(ctx, c, "/v1/cells", nil, true, list)
		var found []cobra.Completion
		for _, cell := range list.GetCells() {
			found = append(found, names.Short(cell.GetName()))
		}
		return found, err
	}, s)
}

// Backups completes the first argument with the tenants that there are, and the
// second with that one's backups.
func Backups(s *session.Session) cobra.CompletionFunc {
	tenants := Tenants(s)
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) != 1 {
			return tenants(cmd, args, typed)
		}
		return first(func(ctx context.Context, c *client.Client) ([]cobra.Completion, error) {
			list := &provisionerv1.ListBackupsResponse{}
			err := client.List(ctx, c, "/v1/"+names.Tenant(args[0])+"/backups", nil, true, list)
			var found []cobra.Completion
			for _, b := range list.GetBackups() {
				_, id, _ := strings.Cut(names.Short(b.GetName()), "/")
				found = append(found, cobra.CompletionWithDesc(id, b.GetReason().String()+" "+b.GetCreateTime().AsTime().Format(time.DateTime)))
			}
			return found, err
		}, s)(cmd, nil, typed)
	}
}

// first completes the first argument only, and files never.
func first(read func(context.Context, *client.Client) ([]cobra.Completion, error), s *session.Session) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		c, err := s.Client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		parent := cmd.Context()
		if parent == nil {
			parent = context.Background()
		}
		ctx, cancel := context.WithTimeout(parent, patience)
		defer cancel()
		found, err := read(ctx, c)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}
