package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"stampworks.dev/pkg/rpc/identity"
)

// Files are the paths that a service is configured with.
type Files struct {
	CA, Cert, Key string
}

// Options change what Issue does; the zero value is right for production.
type Options struct {
	// Life of a new certificate; default ServiceLife.
	Life time.Duration
	// Renew makes a new certificate however good the present one is.
	Renew bool
}

// Issue makes sure that dir holds a good certificate for a service, signed by
// the authority in dir, and gives the paths.
func Issue(dir, service string) (Files, error) {
	return IssueWith(dir, service, Options{})
}

// IssueWith is Issue with options.
func IssueWith(dir, service string, opts Options) (Files, error) {
	uri, err := identity.URI(service)
	if err != nil {
		return Files{}, err
	}
	if service == "ca" {
		return Files{}, fmt.Errorf("issue certificate for %q: the name is the authority's", service)
	}
	ca, caKey, err := loadAuthority(dir)
	if err != nil {
		return Files{}, err
	}
	files := Files{
		CA:   filepath.Join(dir, caCert),
		Cert: filepath.Join(dir, service+".crt"),
		Key:  filepath.Join(dir, service+".key"),
	}
	if !opts.Renew && good(files, ca, uri, time.Now()) {
		return files, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Files{}, fmt.Errorf("create key of %s: %w", service, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template(service, uri, opts.Life, ca), ca, key.Public(), caKey)
	if err != nil {
		return Files{}, fmt.Errorf("sign certificate of %s: %w", service, err)
	}
	return files, writePair(files.Cert, files.Key, der, key)
}

func template(service string, uri *url.URL, life time.Duration, ca *x509.Certificate) *x509.Certificate {
	if life <= 0 {
		life = ServiceLife
	}
	now := time.Now()
	end := now.Add(life)
	if end.After(ca.NotAfter) {
		end = ca.NotAfter
	}
	return &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: service},
		URIs:         []*url.URL{uri},
		NotBefore:    now.Add(-backdate),
		NotAfter:     end,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

// good reports whether the files hold a certificate of this service, by this
// authority, with at least a third of its life left.
func good(files Files, ca *x509.Certificate, uri *url.URL, now time.Time) bool {
	cert, _, err := loadPair(files.Cert, files.Key)
	if err != nil || cert.CheckSignatureFrom(ca) != nil {
		return false
	}
	if len(cert.URIs) != 1 || cert.URIs[0].String() != uri.String() {
		return false
	}
	life, left := cert.NotAfter.Sub(cert.NotBefore), cert.NotAfter.Sub(now)
	return !now.Before(cert.NotBefore) && left >= life/3
}
