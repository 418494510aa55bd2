package rpc

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"stampworks.dev/pkg/rpc/identity"
)

// TLSConfig names the files that a service proves itself with, PEM each. They
// are read again whenever they change. All three, or none: then connections
// are not encrypted, and servers listen on loopback only.
type TLSConfig struct {
	// CA holds the authorities that the other side's certificate may be from.
	CA string `yaml:"ca" help:"file of the authorities that the others' certificates are from"`
	// Cert is the certificate, with intermediates if any.
	Cert string `yaml:"cert" help:"certificate file"`
	// Key is its private key.
	Key string `yaml:"key" help:"private key file"`
}

// Enabled reports whether TLS is configured.
func (c TLSConfig) Enabled() bool { return c != TLSConfig{} }

// Validate reports a configuration that is neither complete nor empty.
func (c TLSConfig) Validate() error {
	if c.Enabled() && (c.CA == "" || c.Cert == "" || c.Key == "") {
		return errors.New("tls: ca, cert and key belong together; give all three or none")
	}
	return nil
}

// serverTLS asks each client for a certificate of our authority.
func serverTLS(c TLSConfig, log *slog.Logger) (*tls.Config, error) {
	files, err := newCertFiles(c, log)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			now := files.current()
			return &tls.Config{
				MinVersion:   tls.VersionTLS13,
				NextProtos:   []string{"h2"},
				Certificates: []tls.Certificate{now.cert},
				ClientCAs:    now.roots,
				ClientAuth:   tls.RequireAndVerifyClientCert,
				// A resumed session would skip the check against present roots.
				SessionTicketsDisabled: true,
			}, nil
		},
	}, nil
}

// clientTLS verifies the server by the service name in its certificate;
// addresses come and go and are not in it.
func clientTLS(c TLSConfig, server string, log *slog.Logger) (*tls.Config, error) {
	files, err := newCertFiles(c, log)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		NextProtos:         []string{"h2"},
		InsecureSkipVerify: true, //nolint:gosec // replaced, not skipped: VerifyConnection checks chain and URI
		VerifyConnection: func(state tls.ConnectionState) error {
			return verifyServer(state, files.current().roots, server)
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			now := files.current()
			return &now.cert, nil
		},
	}, nil
}

func verifyServer(state tls.ConnectionState, roots *x509.CertPool, want string) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("verify server: it has no certificate")
	}
	intermediates := x509.NewCertPool()
	for _, cert := range state.PeerCertificates[1:] {
		intermediates.AddCert(cert)
	}
	leaf := state.PeerCertificates[0]
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates}); err != nil { // checks ServerAuth
		return fmt.Errorf("verify server: %w", err)
	}
	got, err := identity.FromCertificate(leaf)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("verify server: it is %q, want %q", got, want)
	}
	return nil
}

// onLoopback reports whether an address accepts connections from this machine
// only.
func onLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
