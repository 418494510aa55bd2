package interceptor

import (
	"context"
	"slices"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/identity"
)

// Access enforces the method's rule: the calling service is one of its
// callers, and the principal's role grants its permission. A method without a
// rule is refused, whoever calls.
func Access(rules *methods) Interceptor {
	return func(ctx context.Context, call *Call, next func(context.Context) error) error {
		r, ok := rules.of(call.Method)
		if !ok {
			return errs.New(errs.PermissionDenied, "METHOD_WITHOUT_ACCESS", "method %s says nobody may call it", call.Method)
		}
		if err := r.check(ctx, call.Method); err != nil {
			return err
		}
		return next(ctx)
	}
}

func (r rule) check(ctx context.Context, method string) error {
	if r.public {
		return nil
	}
	peer := identity.PeerFrom(ctx)
	if peer == "" {
		return errs.New(errs.Unauthenticated, "PEER_UNKNOWN", "method %s needs a client certificate", method)
	}
	if !slices.Contains(r.callers, peer) {
		return errs.New(errs.PermissionDenied, "CALLER_NOT_ALLOWED", "service %q may not call %s", peer, method).With("peer", peer)
	}
	p, ok := identity.PrincipalFrom(ctx)
	if !ok {
		return errs.New(errs.Unauthenticated, "PRINCIPAL_MISSING", "method %s needs a principal", method)
	}
	if !identity.Allowed(p.Role, r.permission) {
		return errs.New(errs.PermissionDenied, "PERMISSION_MISSING", "role %q of %q lacks the permission %s", p.Role, p.Name, r.permission).
			With("permission", r.permission).With("role", p.Role)
	}
	return nil
}
