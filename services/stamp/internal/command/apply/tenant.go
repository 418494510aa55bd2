package apply

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/wait"
)

// tenant is a wish for a customer.
type tenant struct {
	wish *registryv1.Tenant
	mask []string
}

func (t *tenant) name() string { return t.wish.GetName() }
func (t *tenant) rank() int    { return 2 }

// send creates or changes it. Whether it was changed shows in its etag.
func (t *tenant) send(ctx context.Context, o *options) (applied, error) {
	before, after := &registryv1.Tenant{}, &registryv1.Tenant{}
	missing, err := absent(o.client.Get(ctx, "/v1/"+t.name(), nil, before))
	if err != nil {
		return applied{}, err
	}
	query := url.Values{"allow_missing": {"true"}, "update_mask": {strings.Join(t.mask, ",")}}
	if o.now {
		query.Set("now", "true")
	}
	op := &longrunningpb.Operation{}
	if err := o.client.Patch(ctx, "/v1/"+t.name(), query, t.wish, op); err != nil {
		return applied{}, err
	}
	if o.wait && op.GetName() != "" {
		if err := wait.Started(ctx, o.Session, o.client, op); err != nil {
			return applied{}, err
		}
	}
	if missing {
		return applied{Result: created}, nil
	}
	if err := o.client.Get(ctx, "/v1/"+t.name(), nil, after); err != nil {
		return applied{}, err
	}
	return applied{Result: differs(before.GetEtag(), after.GetEtag())}, nil
}

// absent tells a resource that is not there from other trouble.
func absent(err error) (bool, error) {
	var problem *client.Problem
	if errors.As(err, &problem) && problem.Status == http.StatusNotFound {
		return true, nil
	}
	return false, err
}

func differs(before, after string) string {
	if before == after {
		return unchanged
	}
	return changed
}
