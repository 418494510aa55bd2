package engine_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/record"
)

// knows waits until the manifest has the tenant as it is wished now, and gives it.
func (w *lost) knows(is func(driver.Manifest, *registryv1.Tenant) bool) {
	w.t.Helper()
	testkit.Eventually(w.t, soon, func() error {
		all, err := w.cell.Manifests(w.t.Context())
		if err != nil || len(all) != 1 {
			return fmt.Errorf("manifests %v, %w", all, err)
		}
		was := &registryv1.Tenant{}
		if err := protojson.Unmarshal(all[0].Recovery.Tenant, was); err != nil {
			return err
		}
		if !is(all[0], was) {
			return fmt.Errorf("the manifest of generation %d has %v, restoring %q", all[0].Generation, was, all[0].Recovery.Restoring)
		}
		w.before.Manifest = all[0]
		return nil
	})
}

// TestManifestFollowsTheWish also where nothing of what runs changes.
func TestManifestFollowsTheWish(t *testing.T) {
	t.Parallel()
	w := &lost{shopWorld: newShop(t)}
	w.open("acme")
	w.disk.Put("/flags/broken", "yes")
	w.start(options{resync: 100 * time.Millisecond})
	w.upgrade("acme")
	w.until("acme", 2, typev1.OperationMetadata_FAILED)
	w.knows(func(m driver.Manifest, was *registryv1.Tenant) bool {
		return m.Generation == 2 && m.Revision == w.rev1 && was.GetBlueprint() == w.rev1 && m.Recovery.Restoring == ""
	})
	w.place(w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint = w.rev1 }), "one")
	w.until("acme", 3, typev1.OperationMetadata_SUCCEEDED)
	w.knows(func(m driver.Manifest, was *registryv1.Tenant) bool {
		return m.Generation == 3 && was.GetBlueprint() == w.rev1 && was.GetGeneration() == 3
	})
	pids := w.running()
	w.registry.Quietly("acme", func(t *registryv1.Tenant) { t.Labels = map[string]string{"tier": "gold"} })
	w.knows(func(_ driver.Manifest, was *registryv1.Tenant) bool { return was.GetLabels()["tier"] == "gold" })
	if now := w.running(); fmt.Sprint(now) != fmt.Sprint(pids) {
		t.Errorf("processes %v, before %v", now, pids)
	}
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = true })
	w.until("acme", 4, typev1.OperationMetadata_SUCCEEDED)
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.DeleteTime = timestamppb.Now() })
	w.knows(func(m driver.Manifest, was *registryv1.Tenant) bool {
		return m.Generation == 5 && was.GetDeleteTime() != nil
	})
}

// TestATakenOverStampIsChanged: what is stopped for it is not in the ledger yet.
func TestATakenOverStampIsChanged(t *testing.T) {
	t.Parallel()
	w := lose(t, nil)
	w.recoverAs(w.registry.Publish(t, fmt.Sprintf(safe, "1.6.0", "1.6.0")))
	w.start(options{})
	w.until("acme", 101, typev1.OperationMetadata_SUCCEEDED)
	w.has("acme", "1 rocket", "1.6.0")
	for _, e := range w.stamp("acme").GetLedger() {
		if e.GetRendered() == "" {
			t.Errorf("ledger entry %s has no form", e.GetName())
		}
	}
}

// TestLostInAFailedUpgrade: etcd is lost at any point of an upgrade that fails
// half-way. Once it goes back its data is brought back all the same, and it is
// not tried again.
func TestLostInAFailedUpgrade(t *testing.T) {
	t.Parallel()
	back, restored := 0, 0
	for n, survived := int64(1), false; !survived; n += stride {
		w := &lost{shopWorld: newShop(t)}
		w.open("acme")
		w.disk.Put("/flags/broken", "yes")
		r := w.start(options{killAt: n})
		w.upgrade("acme")
		w.untilEndedOrDead(r, "acme.2", typev1.OperationMetadata_FAILED)
		survived = !r.backend.dead.Load()
		w.stop(r)
		all, err := w.cell.Manifests(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("manifests %v, %v", all, err)
		}
		w.before.Manifest = all[0]
		w.etcdLost(fmt.Sprintf(shop, "1.0.0", "1.0.0"), fmt.Sprintf(shop, "1.1.0", "1.1.0"))
		if strings.Contains(string(all[0].Recovery.Tenant), w.rev2) {
			continue // forward, as docs/operating.md says
		}
		if back++; all[0].Recovery.Restoring != "" {
			restored++
		}
		w.recover()
		r = w.start(options{})
		w.until("acme", 101, typev1.OperationMetadata_SUCCEEDED)
		w.serves("acme", w.rev1)
		w.has("acme", "1 rocket", "1.0.0")
		w.stop(r)
		if t.Failed() {
			t.Fatalf("lost at event %d", n)
		}
	}
	if t.Logf("recovered %d times, %d of them with data brought back", back, restored); restored < enough {
		t.Errorf("data was brought back %d times only", restored)
	}
}

// TestLostWhileItBegins: a customer begins with another's data, and etcd is lost
// meanwhile. It has that data in the end, once.
func TestLostWhileItBegins(t *testing.T) {
	t.Parallel()
	before, after := 0, 0
	for n, survived := int64(1), false; !survived; n += stride {
		w := &lost{shopWorld: newShop(t)}
		w.open("acme")
		r := w.start(options{})
		w.backup("backup-1")
		w.stop(r)
		r = w.start(options{killAt: n})
		w.place(w.registry.Wish("copy", func(t *registryv1.Tenant) {
			t.Blueprint, t.Plan, t.RestoreFrom = w.rev1, "standard", "tenants/acme/backups/backup-1"
		}), "one")
		w.untilEndedOrDead(r, "copy.1", typev1.OperationMetadata_SUCCEEDED)
		survived = !r.backend.dead.Load()
		w.stop(r)
		all, err := w.cell.Manifests(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.etcdLost(fmt.Sprintf(shop, "1.0.0", "1.0.0"))
		if len(all) < 2 {
			continue // nothing of it was there yet
		}
		if all[1].Recovery.Restoring != "" {
			before++
		} else {
			after++
			w.write("copy", "2 rockets")
		}
		r = w.start(options{})
		w.again(all[1], "")
		w.again(all[0], "")
		w.until("copy", 101, typev1.OperationMetadata_SUCCEEDED)
		if all[1].Recovery.Restoring != "" {
			w.has("copy", "1 rocket", "1.0.0")
		} else {
			w.has("copy", "2 rockets", "1.0.0")
		}
		w.stop(r)
		if t.Failed() {
			t.Fatalf("lost at event %d", n)
		}
	}
	if t.Logf("lost %d times before the data was there, %d after", before, after); before < enough || after < enough {
		t.Error("that is too few")
	}
}

// TestImportsComeBack: what was imported for a customer is kept under a uid of its
// own, and is known again with the rest.
func TestImportsComeBack(t *testing.T) {
	t.Parallel()
	w := lose(t, nil)
	at := timestamppb.New(time.Now().Truncate(time.Second))
	note, err := engine.NoteOf(&pb.Backup{Reason: pb.Backup_IMPORTED, Revision: w.rev1, Components: []string{"db"}, CreateTime: at, ExpireTime: at})
	if err != nil {
		t.Fatal(err)
	}
	var tarred bytes.Buffer
	files := tar.NewWriter(&tarred)
	err = errors.Join(files.WriteHeader(&tar.Header{Name: "orders", Mode: 0o600, Size: 1}), func() error { _, err := files.Write([]byte("7")); return err }(), files.Close())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.cell.ImportBackup(t.Context(), driver.BackupRef{Tenant: "acme", UID: "import-x1", ID: "import-1"}, note, &tarred); err != nil {
		t.Fatal(err)
	}
	w.recover()
	w.start(options{})
	w.until("acme", 101, typev1.OperationMetadata_SUCCEEDED)
	v, err := w.records().Backups.Get(t.Context(), record.BackupID("acme", "import-1"))
	if b := v.Value; err != nil || b.GetTenantUid() != "import-x1" || b.GetReason() != pb.Backup_IMPORTED || b.GetFiles() != 1 ||
		b.GetRevision() != w.rev1 || !b.GetExpireTime().AsTime().Equal(at.AsTime()) {
		t.Errorf("import %v, %v", b, err)
	}
	last := w.registry.Wish("acme", purge).GetGeneration()
	w.until("acme", last, typev1.OperationMetadata_SUCCEEDED)
	if receipt := w.registry.Receipt("acme"); !slices.Contains(receipt.GetDestroyed(), "backup import-1") {
		t.Errorf("receipt %v", receipt)
	}
	if left := w.cell.Backups(); len(left) > 0 {
		t.Errorf("backups left: %v", left)
	}
}
