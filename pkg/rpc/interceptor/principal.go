package interceptor

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/telemetry"
)

// Principal finds out on whose behalf the call is made. The gateway, which
// checks tokens, may name anybody with an outside role; every other service
// acts as itself, and is refused when it claims otherwise. The gateway acts as
// itself too when it names nobody. The call's span says who it is.
func Principal() Interceptor {
	return func(ctx context.Context, _ *Call, next func(context.Context) error) error {
		p, err := principalOf(ctx, identity.PeerFrom(ctx))
		if err != nil {
			return err
		}
		if p.Name == "" {
			return next(ctx)
		}
		callerOf(ctx).principal = p.Name
		trace.SpanFromContext(ctx).SetAttributes(telemetry.Principal.String(p.Name))
		return next(identity.WithPrincipal(ctx, p))
	}
}

func principalOf(ctx context.Context, peer string) (identity.Principal, error) {
	name, err := single(ctx, identity.PrincipalKey)
	if err != nil {
		return identity.Principal{}, err
	}
	role, err := single(ctx, identity.RoleKey)
	if err != nil {
		return identity.Principal{}, err
	}
	switch {
	case name == "" && role == "" && peer == "":
		return identity.Principal{}, nil
	case name == "" && role == "":
		return identity.OfService(peer), nil
	case peer != identity.Gateway:
		return identity.Principal{}, errs.New(errs.PermissionDenied, "PRINCIPAL_NOT_YOURS", "only the gateway may call on behalf of %q", name).With("peer", peer)
	case name == "" || !identity.KnownRole(role):
		return identity.Principal{}, errs.New(errs.PermissionDenied, "PRINCIPAL_INVALID", "principal %q has no known role: %q", name, role)
	default:
		return identity.Principal{Name: name, Role: role}, nil
	}
}
