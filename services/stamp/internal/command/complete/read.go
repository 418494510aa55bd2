package complete

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

func tenants(ctx context.Context, c *client.Client, _ []string) (found []cobra.Completion, err error) {
	list := &registryv1.ListTenantsResponse{}
	err = client.List(ctx, c, "/v1/tenants", nil, true, list)
	for _, t := range list.GetTenants() {
		found = append(found, cobra.CompletionWithDesc(names.Short(t.GetName()), t.GetDisplayName()))
	}
	return found, err
}

// components are those of the tenant before.
func components(ctx context.Context, c *client.Client, before []string) (found []cobra.Completion, err error) {
	stamp := &provisionerv1.Stamp{}
	err = c.Get(ctx, "/v1/"+names.Tenant(before[0])+"/stamp", nil, stamp)
	for _, one := range stamp.GetComponents() {
		found = append(found, one.GetName())
	}
	return found, err
}

func backups(ctx context.Context, c *client.Client, before []string) (found []cobra.Completion, err error) {
	list := &provisionerv1.ListBackupsResponse{}
	err = client.List(ctx, c, "/v1/"+names.Tenant(before[0])+"/backups", nil, true, list)
	for _, b := range list.GetBackups() {
		_, id, _ := strings.Cut(names.Short(b.GetName()), "/")
		found = append(found, cobra.CompletionWithDesc(id, b.GetReason().String()+" "+b.GetCreateTime().AsTime().Format(time.DateTime)))
	}
	return found, err
}

func cells(ctx context.Context, c *client.Client, _ []string) (found []cobra.Completion, err error) {
	list := &registryv1.ListCellsResponse{}
	err = client.List(ctx, c, "/v1/cells", nil, true, list)
	for _, cell := range list.GetCells() {
		found = append(found, names.Short(cell.GetName()))
	}
	return found, err
}

func sources(ctx context.Context, c *client.Client, _ []string) (found []cobra.Completion, err error) {
	list := &registryv1.ListSourcesResponse{}
	err = client.List(ctx, c, "/v1/sources", nil, true, list)
	for _, s := range list.GetSources() {
		found = append(found, cobra.CompletionWithDesc(names.Short(s.GetName()), s.GetDisplayName()))
	}
	return found, err
}

// openOperations are those of the newest that have not ended.
func openOperations(ctx context.Context, c *client.Client, _ []string) (found []cobra.Completion, err error) {
	list := &longrunningpb.ListOperationsResponse{}
	err = c.Get(ctx, "/v1/operations", url.Values{"page_size": {"1000"}}, list)
	for _, op := range list.GetOperations() {
		meta := &typev1.OperationMetadata{}
		if !op.GetDone() && op.GetMetadata().UnmarshalTo(meta) == nil {
			found = append(found, cobra.CompletionWithDesc(names.Short(op.GetName()), meta.GetKind().String()+" "+meta.GetState().String()))
		}
	}
	return found, err
}

// deliveries are a page of them: who wants an older one has it from a list.
func deliveries(ctx context.Context, c *client.Client, _ []string) (found []cobra.Completion, err error) {
	list := &registryv1.ListDeliveriesResponse{}
	err = c.Get(ctx, "/v1/sources/-/deliveries", nil, list)
	for _, d := range list.GetDeliveries() {
		told := d.GetOutcome().String() + " " + d.GetDealId()
		found = append(found, cobra.CompletionWithDesc(names.Short(d.GetName()), told))
	}
	return found, err
}

func blueprints(ctx context.Context, c *client.Client, _ []string) (found []cobra.Completion, err error) {
	list := &registryv1.ListBlueprintsResponse{}
	err = client.List(ctx, c, "/v1/blueprints", nil, true, list)
	for _, b := range list.GetBlueprints() {
		found = append(found, names.Short(b.GetName()))
	}
	return found, err
}

// revisions are those of the blueprint before.
func revisions(ctx context.Context, c *client.Client, before []string) (found []cobra.Completion, err error) {
	list := &registryv1.ListRevisionsResponse{}
	err = client.List(ctx, c, "/v1/"+names.Blueprint(before[0])+"/revisions", nil, true, list)
	for _, r := range list.GetRevisions() {
		found = append(found, r.GetName()[strings.LastIndexByte(r.GetName(), '/')+1:])
	}
	return found, err
}

// wishes are blueprints, and their revisions as NAME@REVISION.
func wishes(ctx context.Context, c *client.Client, _ []string) ([]cobra.Completion, error) {
	all, err := blueprints(ctx, c, nil)
	found := slices.Clone(all)
	for _, blueprint := range all {
		of, err := revisions(ctx, c, []string{blueprint})
		if err != nil {
			return found, err
		}
		for _, revision := range of {
			found = append(found, blueprint+"@"+revision)
		}
	}
	return found, err
}

// plans are those of a product; where none is said, of the one that is meant.
func plans(s *session.Session, wish string) reader {
	return func(ctx context.Context, c *client.Client, _ []string) ([]cobra.Completion, error) {
		if wish == "" {
			all, err := blueprints(ctx, c, nil)
			assumed, err2 := client.Assumed(s.Dir, c.Address())
			if err = cmp.Or(err, err2); err != nil || len(all) == 0 {
				return nil, err
			}
			if wish = all[0]; slices.Contains(all, assumed.Blueprint) {
				wish = assumed.Blueprint
			}
		}
		name := names.Wish(wish)
		if !strings.Contains(name, "/revisions/") {
			b := &registryv1.Blueprint{}
			if err := c.Get(ctx, "/v1/"+name, nil, b); err != nil {
				return nil, err
			}
			name = b.GetLatestRevision()
		}
		r := &registryv1.Revision{}
		err := c.Get(ctx, "/v1/"+name, nil, r)
		return slices.Sorted(maps.Keys(r.GetRecipe().GetPlans())), err
	}
}
