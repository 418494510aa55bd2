package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stampworks.dev/services/stamp/internal/session"
)

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out, said bytes.Buffer
	cmd := Command(&session.Session{Out: &out, Err: &said})
	cmd.SetArgs(args)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	return out.String(), cmd.Execute()
}

func TestIssueForAllServices(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	for _, args := range [][]string{{"init", dir}, {"issue", dir}} {
		if _, err := run(t, args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range services {
		text, err := os.ReadFile(filepath.Join(dir, name+".crt"))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil || len(cert.URIs) != 1 || cert.URIs[0].String() != "stampworks://service/"+name {
			t.Errorf("certificate of %s: %v, %v", name, cert.URIs, err)
		}
	}
}

func TestACertificateThatIsGoodIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	var before []byte
	for range 2 {
		for _, args := range [][]string{{"init", dir}, {"issue", dir, "gateway"}} {
			if _, err := run(t, args...); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(filepath.Join(dir, "gateway.crt"))
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && !bytes.Equal(before, text) {
			t.Error("it was issued again")
		}
		before = text
	}
}

func TestOnlyServicesThatThereAre(t *testing.T) {
	if _, err := run(t, "issue", t.TempDir(), "king"); err == nil || !strings.Contains(err.Error(), `no service "king"; there are tenant-registry`) {
		t.Errorf("got %v", err)
	}
}
