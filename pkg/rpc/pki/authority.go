package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// Life of what is issued. An authority outlives its installation; a service's
// certificate is renewed well before its end by whoever calls Issue again.
const (
	AuthorityLife = 10 * 365 * 24 * time.Hour
	ServiceLife   = 90 * 24 * time.Hour
	// backdate covers clocks that are a little behind.
	backdate = 5 * time.Minute
)

const (
	caCert = "ca.crt"
	caKey  = "ca.key"
)

// CreateCA makes the authority in dir, which is created when missing. An
// existing authority is kept; half of one is an error.
func CreateCA(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create directory: %w", err)
	}
	_, _, err := loadAuthority(dir)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if exists(filepath.Join(dir, caCert)) || exists(filepath.Join(dir, caKey)) {
		return fmt.Errorf("create authority in %s: one of %s and %s is there without the other", dir, caCert, caKey)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("create authority key: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "Stampworks authority"},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(AuthorityLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fmt.Errorf("sign authority: %w", err)
	}
	return writePair(filepath.Join(dir, caCert), filepath.Join(dir, caKey), der, key)
}

func loadAuthority(dir string) (*x509.Certificate, crypto.Signer, error) {
	return loadPair(filepath.Join(dir, caCert), filepath.Join(dir, caKey))
}

// serial gives 128 random bits, as RFC 5280 wants at most 20 octets and the
// CA/Browser Forum at least 64 bits of randomness.
func serial() *big.Int {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	raw[0] &= 0x7f
	return new(big.Int).SetBytes(raw)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
