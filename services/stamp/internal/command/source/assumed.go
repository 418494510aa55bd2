package source

import (
	"context"
	"slices"
	"strings"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

// AssumedBlueprint is the blueprint that is meant when nobody says: the one of
// this folder's client file, or else the only one.
func AssumedBlueprint(ctx context.Context, s *session.Session, c *client.Client) (string, error) {
	assumed, err := client.Assumed(s.Dir, c.Address())
	if err != nil {
		return "", err
	}
	list := &registryv1.ListBlueprintsResponse{}
	if err := c.Get(ctx, "/v1/blueprints", nil, list); err != nil {
		return "", err
	}
	var known []string
	for _, b := range list.GetBlueprints() {
		known = append(known, names.Short(b.GetName()))
	}
	switch {
	case len(known) == 0:
		return "", &exit.Error{Code: exit.Failure, Message: "there is no product yet", Next: "publish one with: stamp blueprint publish FILE"}
	case len(known) == 1:
		return known[0], nil
	case slices.Contains(known, assumed.Blueprint):
		return assumed.Blueprint, nil
	}
	return "", exit.Usagef("say which product with --blueprint: %s", strings.Join(known, ", "))
}
