package recovery

import (
	"strings"
	"testing"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// An upgrade to the revision that etcd knows is no change: it would help nobody.
func TestWhatIsAdvisedForANewerStamp(t *testing.T) {
	const first, second = "blueprints/helpdesk/revisions/1.0.0", "blueprints/helpdesk/revisions/1.1.0"
	known := &registryv1.Tenant{Name: "tenants/globex", Blueprint: first}
	if got := sayAgain(known, &provisionerv1.StampManifest{Revision: first}); strings.Contains(got, "upgrade") || !strings.HasSuffix(got, "stamp tenant suspend globex, then stamp tenant resume globex") {
		t.Errorf("of the same revision: %q", got)
	}
	if got := sayAgain(known, &provisionerv1.StampManifest{Revision: second}); !strings.Contains(got, "stamp tenant upgrade globex 1.1.0;") {
		t.Errorf("of another: %q", got)
	}
}
