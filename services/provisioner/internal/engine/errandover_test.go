package engine_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"stampworks.dev/pkg/testkit"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
)

// TestAnErrandThatIsOverIsTriedNoMore: nothing says that it is, whether it came to
// an end or was given up.
func TestAnErrandThatIsOverIsTriedNoMore(t *testing.T) {
	t.Parallel()
	for state, times := range map[typev1.OperationMetadata_State]int32{
		typev1.OperationMetadata_SUCCEEDED: 2, typev1.OperationMetadata_FAILED: 3,
	} {
		t.Run(state.String(), func(t *testing.T) {
			t.Parallel()
			w := newShop(t)
			var n atomic.Int32
			w.memory.Job = func(ctx context.Context, ref driver.Ref, m driver.Manifest, j driver.Job) (driver.JobResult, error) {
				if slices.Equal(j.Command, []string{"shop", "copy", m.Site.Volumes["db.data"], m.Site.Backup}) && n.Add(1) <= times {
					return driver.JobResult{ExitCode: 1, Output: []string{"connection refused"}}, nil
				}
				return w.job(ctx, ref, m, j)
			}
			w.cell = memory.New(w.memory)
			w.open("acme")
			w.start(options{resync: resyncOften})
			w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
			w.ended("acme.backup-1", state)
			testkit.Eventually(t, soon, func() error {
				if all := w.stamp("acme").GetObstacles(); len(all) > 0 {
					return fmt.Errorf("obstacles %v", all)
				}
				if all := w.registry.Tenant("acme").GetStatus().GetObstacles(); len(all) > 0 {
					return fmt.Errorf("told obstacles %v", all)
				}
				return nil
			})
		})
	}
}
