package apply

import (
	"context"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/recipe"
)

// product is a revision of a blueprint.
type product struct{ prepared *recipe.Prepared }

func (p *product) name() string {
	return "blueprints/" + p.prepared.Recipe.Name() + "/revisions/" + p.prepared.Recipe.Revision()
}

func (p *product) rank() int { return 0 }

// send publishes it; one that is there with the same content is unchanged.
func (p *product) send(ctx context.Context, o *options) (applied, error) {
	missing, err := absent(o.client.Get(ctx, "/v1/"+p.name(), nil, &registryv1.Revision{}))
	if err != nil {
		return applied{}, err
	}
	if _, err := recipe.Publish(ctx, o.client, p.prepared); err != nil {
		return applied{}, err
	}
	if missing {
		return applied{Result: created}, nil
	}
	return applied{Result: unchanged}, nil
}
