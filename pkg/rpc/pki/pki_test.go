package pki_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stampworks.dev/pkg/rpc/pki"
)

func read(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		t.Fatalf("%s is not PEM", path)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func authority(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pki")
	if err := pki.CreateCA(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func issue(t *testing.T, dir, service string, opts pki.Options) pki.Files {
	t.Helper()
	files, err := pki.IssueWith(dir, service, opts)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestWhatIsIssued(t *testing.T) {
	dir := authority(t)
	files := issue(t, dir, "tenant-registry", pki.Options{})
	cert, ca := read(t, files.Cert), read(t, files.CA)
	if err := cert.CheckSignatureFrom(ca); err != nil {
		t.Error(err)
	}
	if len(cert.URIs) != 1 || cert.URIs[0].String() != "stampworks://service/tenant-registry" || len(cert.DNSNames) != 0 {
		t.Errorf("names: %v %v", cert.URIs, cert.DNSNames)
	}
	if cert.IsCA || !ca.IsCA || !ca.MaxPathLenZero {
		t.Error("a service's certificate must not sign others")
	}
	if life := time.Until(cert.NotAfter); life < pki.ServiceLife-time.Minute || life > pki.ServiceLife {
		t.Errorf("it lives for %v", life)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 4 {
		t.Errorf("left in the directory: %v", entries)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
}

func TestCallingTwiceKeepsWhatIsThere(t *testing.T) {
	dir := authority(t)
	first := issue(t, dir, "health", pki.Options{})
	ca, cert := read(t, first.CA), read(t, first.Cert)
	if err := pki.CreateCA(dir); err != nil {
		t.Fatal(err)
	}
	second := issue(t, dir, "health", pki.Options{})
	if !read(t, second.CA).Equal(ca) || !read(t, second.Cert).Equal(cert) {
		t.Error("a good certificate was replaced")
	}
	if issue(t, dir, "health", pki.Options{Renew: true}); read(t, first.Cert).Equal(cert) {
		t.Error("Renew kept the old certificate")
	}
}

func TestRenewalInTheLastThird(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time stands still but for sleeps, which cost nothing here
		dir := authority(t)
		opts := pki.Options{Life: 90 * time.Hour}
		files := issue(t, dir, "health", opts)
		cert := read(t, files.Cert)
		time.Sleep(59 * time.Hour)
		if issue(t, dir, "health", opts); !read(t, files.Cert).Equal(cert) {
			t.Error("renewed with more than a third of its life left")
		}
		time.Sleep(2 * time.Hour)
		if issue(t, dir, "health", opts); read(t, files.Cert).Equal(cert) {
			t.Error("not renewed with less than a third of its life left")
		}
	})
}

func TestACertificateThatDoesNotFitIsReplaced(t *testing.T) {
	dir := authority(t)
	files := issue(t, dir, "health", pki.Options{})
	good := read(t, files.Cert)
	other := issue(t, authority(t), "health", pki.Options{})
	gateway := issue(t, dir, "gateway", pki.Options{})
	for name, from := range map[string]pki.Files{"another authority": other, "another service": gateway} {
		for src, dst := range map[string]string{from.Cert: files.Cert, from.Key: files.Key} {
			raw, err := os.ReadFile(src)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(dst, raw, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		issue(t, dir, "health", pki.Options{})
		got := read(t, files.Cert)
		if got.Subject.CommonName != "health" || got.CheckSignatureFrom(read(t, files.CA)) != nil || got.Equal(good) {
			t.Errorf("%s: kept %v of %v", name, got.Subject, got.Issuer)
		}
	}
	if err := os.WriteFile(files.Key, []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	issue(t, dir, "health", pki.Options{})
	if raw, _ := os.ReadFile(files.Key); string(raw) == "torn" {
		t.Error("a broken key was kept")
	}
}

func TestRefusals(t *testing.T) {
	dir := authority(t)
	for _, name := range []string{"", "ca", "../x", "Health", "a b", strings.Repeat("x", 64)} {
		if _, err := pki.Issue(dir, name); err == nil {
			t.Errorf("issued for %q", name)
		}
	}
	if _, err := pki.Issue(t.TempDir(), "health"); err == nil {
		t.Error("issued without an authority")
	}
	if err := os.Remove(filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	if err := pki.CreateCA(dir); err == nil || !strings.Contains(err.Error(), "without the other") {
		t.Errorf("half an authority was replaced: %v", err)
	}
}
