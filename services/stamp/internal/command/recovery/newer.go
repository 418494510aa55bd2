package recovery

import (
	"cmp"
	"fmt"
	"path"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/names"
)

// sayAgain is how a person says what a stamp is to be that is newer than etcd. An
// upgrade to the revision that etcd knows would change nothing.
func sayAgain(known *registryv1.Tenant, m *provisionerv1.StampManifest) string {
	id, runs := names.Short(known.GetName()), cmp.Or(m.GetRevision(), m.GetWish().GetBlueprint())
	again := fmt.Sprintf("stamp tenant suspend %s, then stamp tenant resume %s", id, id)
	if runs == known.GetBlueprint() {
		return "it is of the revision that etcd knows, so say it again with: " + again
	}
	return fmt.Sprintf("say what it is to be with: stamp tenant upgrade %s %s; or, if its data fits %s, with: %s", id, path.Base(runs), short(known.GetBlueprint()), again)
}
