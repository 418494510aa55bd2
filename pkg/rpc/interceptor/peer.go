package interceptor

import (
	"context"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/identity"
)

// Peer finds out which service calls, from the verified certificate. Over a
// connection without TLS (loopback only; see rpc.ServerConfig) the peer has no
// name and may call public methods only; with testIdentity, for tests alone,
// it may name itself in the metadata.
func Peer(testIdentity bool) Interceptor {
	return func(ctx context.Context, _ *Call, next func(context.Context) error) error {
		name, err := peerName(ctx, testIdentity)
		if err != nil {
			return err
		}
		callerOf(ctx).peer = name
		return next(identity.WithPeer(ctx, name))
	}
}

func peerName(ctx context.Context, testIdentity bool) (string, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "", errs.New(errs.Unauthenticated, "NO_PEER", "the connection has no peer")
	}
	if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
		if len(info.State.VerifiedChains) == 0 {
			return "", errs.New(errs.Unauthenticated, "CERTIFICATE_MISSING", "a client certificate is required")
		}
		name, err := identity.FromCertificate(info.State.VerifiedChains[0][0])
		if err != nil {
			return "", errs.New(errs.Unauthenticated, "CERTIFICATE_WITHOUT_SERVICE", "the client certificate names no service").Because(err)
		}
		return name, nil
	}
	if testIdentity {
		return single(ctx, identity.TestPeerKey)
	}
	return "", nil
}

// single gives the one value of a metadata key; several are refused, as two
// readers might choose differently.
func single(ctx context.Context, key string) (string, error) {
	switch v := metadata.ValueFromIncomingContext(ctx, key); len(v) {
	case 0:
		return "", nil
	case 1:
		return v[0], nil
	default:
		return "", errs.New(errs.Unauthenticated, "METADATA_REPEATED", "metadata %s is given %d times", key, len(v))
	}
}
