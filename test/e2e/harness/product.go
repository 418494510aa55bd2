package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// samples is where the sample product's blueprints are.
const samples = Root + "/deploy/products/helpdesk/blueprints"

var artifact = regexp.MustCompile(`(?m)^    file: (\S+).*$`)

// Publish publishes a revision of the sample product, "helpdesk" or
// "helpdesk-lite", with the paths and digests of this machine's files, and what
// edits change of its text.
func (a *API) Publish(blueprint, revision string, edits ...func(string) string) *registryv1.Revision {
	a.t.Helper()
	text, err := os.ReadFile(filepath.Join(samples, blueprint+"-"+revision+".yaml"))
	if err != nil {
		a.t.Fatalf("read blueprint: %v", err)
	}
	path := program(a.t, "products/helpdesk-"+revision)
	binary, err := os.ReadFile(path)
	if err != nil {
		a.t.Fatalf("read program: %v", err)
	}
	sum := sha256.Sum256(binary)
	located := artifact.ReplaceAllString(string(text), fmt.Sprintf("    file: %s\n    sha256: %q", path, hex.EncodeToString(sum[:])))
	for _, edit := range edits {
		located = edit(located)
	}
	var published registryv1.Revision
	a.Must(a.Call(http.MethodPost, "/v1/blueprints/"+blueprint+"/revisions", &registryv1.Revision{Source: located}, &published))
	return &published
}
