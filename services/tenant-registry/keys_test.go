package tenantregistry_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/secretbox"
	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/webhook"
)

// lost is a registry that was started again after its key file was moved away.
func lost(t *testing.T) (c *crm, file string) {
	t.Helper()
	r := start(t)
	c = r.crm(t, &registryv1.Source{})
	r.stop()
	file = filepath.Join(r.cfg.DataDir, "secrets.key")
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	c.registry = replica(t, r.cfg, r.authority)
	return c, file
}

func (c *crm) renew(t *testing.T) (*registryv1.Source, error) {
	t.Helper()
	return c.intake.UpdateSource(ctx(t), &registryv1.UpdateSourceRequest{
		Source: &registryv1.Source{Name: c.name}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"secret"}},
	})
}

// TestLostKeyFile: no new one takes its place, nothing is sealed, and all goes on
// when it is back. A sender is not told about files.
func TestLostKeyFile(t *testing.T) {
	for name, replaced := range map[string]bool{"no file": false, "another file": true} {
		t.Run(name, func(t *testing.T) {
			c, file := lost(t)
			if replaced {
				if _, err := secretbox.Open(file); err != nil {
					t.Fatal(err)
				}
			}
			before, _ := os.ReadFile(file)
			_, create := c.intake.CreateSource(ctx(t), &registryv1.CreateSourceRequest{SourceId: "other", Source: &registryv1.Source{Kind: registryv1.Source_STANDARD}})
			_, update := c.renew(t)
			for _, err := range []error{create, update} {
				if e := reason(t, "seal", err, errs.FailedPrecondition, "SECRET_KEY_MISSING"); !strings.Contains(e.Message, file) || !strings.Contains(e.Message, "source crm") {
					t.Errorf("says %q", e.Message)
				}
			}
			body := deal("1", "A")
			headers := webhook.Sign(c.key, "ev_1", time.Now(), []byte(body))
			if _, err := c.deliver(t, headers, body); !errs.Is(err, errs.Internal) || strings.Contains(err.Error(), file) {
				t.Errorf("a message: %v", err)
			}
			if after, _ := os.ReadFile(file); string(after) != string(before) {
				t.Error("the key file was changed")
			}
			if err := os.Rename(file+".away", file); err != nil {
				t.Fatal(err)
			}
			if _, err := c.renew(t); err != nil {
				t.Fatal(err)
			}
			c.send(t, "ev_1", body) // under the secret before
		})
	}
}

// TestKeyFileThatIsLostForGood: once nothing is sealed under it, a source gets a
// new secret under a new key.
func TestKeyFileThatIsLostForGood(t *testing.T) {
	c, file := lost(t)
	if _, err := testkit.Etcd(t).Client(t).Delete(ctx(t), c.cfg.Prefix+"source-secrets/crm"); err != nil {
		t.Fatal(err)
	}
	got, err := c.renew(t)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	if c.key, err = webhook.ParseSecret("secret", got.GetGeneratedSecret()); err != nil {
		t.Fatal(err)
	}
	c.send(t, "ev_1", deal("1", "A"))
}
