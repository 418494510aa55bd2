package recipe

import (
	"context"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
)

// Publish sends a prepared blueprint. The same content again is the revision
// that is there.
func Publish(ctx context.Context, c *client.Client, p *Prepared) (*registryv1.Revision, error) {
	made := &registryv1.Revision{}
	err := c.Post(ctx, "/v1/blueprints/"+p.Recipe.Name()+"/revisions", nil, &registryv1.Revision{Source: string(p.Source)}, made)
	if err != nil {
		return nil, err
	}
	return made, nil
}
