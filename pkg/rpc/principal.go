package rpc

import (
	"context"

	"google.golang.org/grpc/metadata"

	"stampworks.dev/pkg/rpc/identity"
)

// Principal is on whose behalf a call is made: "tokens/admin",
// "services/provisioner", "sources/hubspot".
type Principal = identity.Principal

// PrincipalFrom gives the principal of the call that a handler works on.
func PrincipalFrom(ctx context.Context) (Principal, bool) {
	return identity.PrincipalFrom(ctx)
}

// WithPrincipal makes outgoing calls with the result act on behalf of p. Only
// the gateway may; a server refuses it from anybody else. A principal that ctx
// had before is replaced.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	md, ok := metadata.FromOutgoingContext(ctx)
	if !ok {
		md = metadata.MD{}
	} // FromOutgoingContext gives a copy
	md.Set(identity.PrincipalKey, p.Name)
	md.Set(identity.RoleKey, p.Role)
	return metadata.NewOutgoingContext(ctx, md)
}
