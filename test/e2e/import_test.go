//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/test/e2e/harness"
)

// TestImport: a copy that was made by hand, saved with the product's own command,
// becomes a customer with every ticket. A damaged dump makes a customer that says
// why it failed.
func TestImport(t *testing.T) {
	h := harness.New(t, harness.Options{})
	h.StartAll()
	awaitCells(t, h, "local")
	h.API.Publish("helpdesk-lite", "1.0.0")
	h.API.Create("byhand", harness.Wish("By hand", "helpdesk-lite"))
	desk := harness.Desk{URL: h.API.AwaitActive("byhand", stampWithin).GetStatus().GetUrl()}
	desk.Open(t, "printer on fire")
	saved := filepath.Join(t.TempDir(), "helpdesk.db")
	save := exec.CommandContext(t.Context(), filepath.Join(os.Getenv("STAMPWORKS_BIN"), "products", "helpdesk-1.0.0"), "backup", saved)
	save.Env = environmentOf(t, h.API, "byhand", "app")
	if out, err := save.CombinedOutput(); err != nil {
		t.Fatalf("save: %v: %s", err, out)
	}

	out, err := h.API.CLI("tenant", "import", "acme", "--dump", saved, "--blueprint", "helpdesk-lite", "--input", "admin_email=dana@acme.example", "--wait").CombinedOutput()
	if err != nil {
		t.Fatalf("import: %v: %s", err, out)
	}
	acme := h.API.AwaitActive("acme", stampWithin)
	h.API.Must(harness.Desk{URL: acme.GetStatus().GetUrl()}.Has("printer on fire"))
	t.Logf("evidence: %s has the ticket, begun with %s", acme.GetName(), acme.GetRestoreFrom())

	if err := os.WriteFile(saved, []byte("no database at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err = h.API.CLI("tenant", "import", "globex", "--dump", saved, "--blueprint", "helpdesk-lite", "--input", "admin_email=dana@acme.example", "--wait").CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 5 { //nolint:errorlint // of package exec itself
		t.Errorf("a damaged dump: %v: %s", err, out)
	}
	failed := h.API.AwaitState("globex", registryv1.Tenant_FAILED, stampWithin).GetStatus().GetFailure()
	if len(failed.GetEvidence()) == 0 || failed.GetNextAction() == "" {
		t.Errorf("a damaged dump fails as %v", failed)
	}
	out, err = h.API.CLI("tenant", "import", "acme", "--dump", saved, "--blueprint", "helpdesk-lite", "--input", "admin_email=dana@acme.example").CombinedOutput()
	if err == nil || strings.Contains(string(out), "sending") {
		t.Errorf("an id that is taken is found out after the dump was sent: %v: %s", err, out)
	}
}

// environmentOf is the environment of a customer's process.
func environmentOf(t *testing.T, api *harness.API, id, component string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", pidText(t, api, id, component), "environ"))
	api.Must(err)
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

func pidText(t *testing.T, api *harness.API, id, component string) string {
	t.Helper()
	return strconv.Itoa(int(pidsOf(t, api, id)[component]))
}
