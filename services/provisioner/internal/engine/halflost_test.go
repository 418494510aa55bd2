package engine_test

import (
	"fmt"
	"testing"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// TestLostInARestore: etcd is lost at any point of a restore that fails both ways,
// and after it. Whoever is taken over then serves what was there before, and never what is half
// of two.
func TestLostInARestore(t *testing.T) {
	t.Parallel()
	half, restored := 0, 0
	for n, survived := int64(1), false; !survived; n += stride {
		w := &lost{shopWorld: newShop(t)}
		w.open("acme")
		r := w.start(options{})
		w.backup("backup-1")
		w.write("acme", "2 rockets")
		w.stop(r)
		w.disk.Put("/flags/unrestorable", "all")
		r = w.start(options{killAt: n})
		w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
		w.untilEndedOrDead(r, "acme.restore-1", typev1.OperationMetadata_FAILED)
		survived = !r.backend.dead.Load()
		w.stop(r)
		all, err := w.cell.Manifests(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("manifests %v, %v", all, err)
		}
		if orders, _ := w.disk.Get(w.data("acme") + "/orders"); orders == "half-way" {
			half++
		}
		if all[0].Recovery.Restoring != "" {
			restored++
		}
		w.etcdLost(fmt.Sprintf(shop, "1.0.0", "1.0.0"))
		w.disk.Replace("/flags", nil)
		w.again(all[0], "")
		r = w.start(options{})
		w.until("acme", 101, typev1.OperationMetadata_SUCCEEDED)
		w.serves("acme", w.rev1)
		w.has("acme", "2 rockets", "1.0.0")
		w.stop(r)
		if t.Failed() {
			t.Fatalf("lost at event %d", n)
		}
	}
	if t.Logf("lost %d times with half data, brought back %d times", half, restored); half < enough {
		t.Errorf("the data was half of two %d times only", half)
	}
}
