package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"stampworks.dev/pkg/errs"
)

// mostRedirects is how many answers may send us elsewhere.
const mostRedirects = 5

// newClient fetches from the public internet: whoever may publish a blueprint
// is not to ask with our voice what only this machine and its network can
// reach. With private, from anywhere.
func newClient(private bool) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if !private {
		dialer.Control = func(_, address string, _ syscall.RawConn) error { return mustBePublic(address) }
	}
	return &http.Client{
		Timeout: 30 * time.Minute,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: time.Minute, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			switch {
			case len(via) > mostRedirects:
				return fmt.Errorf("more than %d redirects", mostRedirects)
			case req.URL.Scheme != via[0].URL.Scheme:
				return errs.New(errs.FailedPrecondition, "ARTIFACT_ADDRESS_REFUSED",
					"it is redirected to %s:; say where it really is", req.URL.Scheme)
			}
			return nil
		},
	}
}

func (s *Store) openURL(ctx context.Context, source string) (io.ReadCloser, int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
	if err != nil {
		return nil, 0, errs.New(errs.InvalidArgument, "ARTIFACT_UNAVAILABLE", "fetch artifact: %w", err)
	}
	resp, err := s.client.Do(req)
	var refused *errs.Error
	switch {
	case errors.As(err, &refused):
		return nil, 0, errs.New(refused.Kind, refused.Reason, "fetch artifact %s: %s", source, refused.Message).With("source", source)
	case err != nil:
		return nil, 0, errs.New(errs.Unavailable, "ARTIFACT_UNAVAILABLE", "fetch artifact: %w", err).With("source", source)
	case resp.StatusCode != http.StatusOK:
		_ = resp.Body.Close() // not read
		return nil, 0, errs.New(errs.FailedPrecondition, "ARTIFACT_UNAVAILABLE", "fetch artifact %s: %s", source, resp.Status).With("source", source)
	}
	return resp.Body, resp.ContentLength, nil
}

// notPublic are networks that IsGlobalUnicast and IsPrivate do not know:
// shared (RFC 6598), and IPv4 inside of IPv6 (RFC 6052, RFC 3056).
var notPublic = []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("2002::/16")}

// mustBePublic is asked after names are resolved, so that a name cannot say one
// address here and another one there.
func mustBePublic(address string) error {
	at, err := netip.ParseAddrPort(address)
	public := err == nil
	ip := at.Addr().Unmap()
	public = public && ip.IsGlobalUnicast() && !ip.IsPrivate()
	for _, network := range notPublic {
		public = public && !network.Contains(ip)
	}
	if public {
		return nil
	}
	return errs.New(errs.FailedPrecondition, "ARTIFACT_ADDRESS_REFUSED",
		"%s is not an address of the public internet; set cell.artifact_private_addresses of the provisioner if artifacts come from your own network", address)
}
