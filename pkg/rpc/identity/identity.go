package identity

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Gateway is the one service that may call on behalf of others.
const Gateway = "gateway"

// Metadata keys. Only the gateway's certificate may send the first two; the
// third stands in for a certificate in tests.
const (
	PrincipalKey = "stampworks-principal"
	RoleKey      = "stampworks-role"
	TestPeerKey  = "stampworks-test-peer"
)

// Principal is on whose behalf a call is made.
type Principal struct {
	// Name is a resource name: "tokens/admin", "services/provisioner",
	// "sources/hubspot".
	Name string
	// Role is one of the roles of this package.
	Role string
}

// OfService gives the principal of a service that calls for itself.
func OfService(name string) Principal {
	return Principal{Name: "services/" + name, Role: Service}
}

type principalKey struct{}
type peerKey struct{}

// WithPrincipal gives a context whose handler sees p.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom gives the principal of the call being handled.
func PrincipalFrom(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// WithPeer gives a context whose handler sees the service name of its peer.
func WithPeer(ctx context.Context, service string) context.Context {
	return context.WithValue(ctx, peerKey{}, service)
}

// PeerFrom gives the service name of the peer; empty when it has proven none.
func PeerFrom(ctx context.Context) string {
	name, _ := ctx.Value(peerKey{}).(string)
	return name
}

const (
	uriScheme = "stampworks"
	uriHost   = "service"
)

var serviceName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// URI gives the subject alternative name of a service:
// stampworks://service/NAME. Names are lower-case letters, digits and hyphens.
func URI(service string) (*url.URL, error) {
	if !serviceName.MatchString(service) {
		return nil, fmt.Errorf("parse service name %q: want lower-case letters, digits and hyphens", service)
	}
	return &url.URL{Scheme: uriScheme, Host: uriHost, Path: "/" + service}, nil
}

// FromCertificate gives the service name in a certificate. A certificate with
// none, or with more than one, identifies nobody.
func FromCertificate(cert *x509.Certificate) (string, error) {
	var found []string
	for _, u := range cert.URIs {
		if u.Scheme == uriScheme && u.Host == uriHost {
			found = append(found, strings.TrimPrefix(u.Path, "/"))
		}
	}
	if len(found) != 1 || !serviceName.MatchString(found[0]) {
		return "", fmt.Errorf("read certificate of %q: want one URI %s://%s/NAME, got %v", cert.Subject.CommonName, uriScheme, uriHost, cert.URIs)
	}
	return found[0], nil
}
