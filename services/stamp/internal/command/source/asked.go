package source

import (
	"context"
	"errors"
	"net/http"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/deal"
	"stampworks.dev/services/stamp/internal/names"
)

// asked gives the deal with the contact's address, where the product asks for it. Of
// a product that is not there the delivery says so.
func (o *sendOptions) asked(ctx context.Context, d deal.Deal) (deal.Deal, error) {
	product, revision := &registryv1.Blueprint{}, &registryv1.Revision{}
	err := o.client.Get(ctx, "/v1/"+names.Blueprint(d.Blueprint), nil, product)
	if err == nil && product.GetLatestRevision() != "" {
		err = o.client.Get(ctx, "/v1/"+product.GetLatestRevision(), nil, revision)
	}
	if problem := (*client.Problem)(nil); errors.As(err, &problem) && problem.Status == http.StatusNotFound {
		return d, nil
	}
	if _, asks := revision.GetRecipe().GetInputs()[deal.EmailInput]; asks && err == nil {
		d = d.WithEmail()
	}
	return d, err
}
