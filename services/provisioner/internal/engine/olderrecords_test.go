package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/record"
)

// snapshot is all that the provisioner keeps in etcd.
func (w *lost) snapshot() []store.KV {
	w.t.Helper()
	all, err := w.backend.List(w.t.Context(), store.ListQuery{Prefix: w.prefix})
	if err != nil {
		w.t.Fatal(err)
	}
	return all.Items
}

// rewind has etcd as it was, and the registry know nothing newer.
func (w *lost) rewind(was []store.KV) {
	w.t.Helper()
	w.forget()
	for _, kv := range was {
		if _, err := w.backend.Txn(w.t.Context(), nil, []store.Op{store.PutOp(kv.Key, kv.Value)}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.registry.Quietly("acme", func(t *registryv1.Tenant) { t.Status = nil })
}

// lostInARestore has a customer with a restore that fails both ways, and ends or is
// killed at that event, and gives etcd as it was before.
func lostInARestore(t *testing.T, killAt int64) (w *lost, was []store.KV, survived bool) {
	t.Helper()
	w = &lost{shopWorld: newShop(t)}
	w.open("acme")
	r := w.start(options{})
	w.backup("backup-1")
	w.write("acme", "2 rockets")
	w.stop(r)
	was = w.snapshot()
	w.disk.Put("/flags/unrestorable", "all")
	r = w.start(options{killAt: killAt})
	w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
	w.untilEndedOrDead(r, "acme.restore-1", typev1.OperationMetadata_FAILED)
	survived = !r.backend.dead.Load()
	w.stop(r)
	return w, was, survived
}

// bringsBack does what a customer whose data is half of two is told to be done.
func (w *lost) bringsBack(backup string) {
	w.t.Helper()
	w.registry.Quietly("acme", func(t *registryv1.Tenant) { t.Recovery = &registryv1.Recovery{Id: "r-1", Cell: "cells/one"} })
	testkit.Eventually(w.t, soon, func() error {
		_, err := w.records().Backups.Get(w.t.Context(), "acme/"+backup)
		return err
	})
	op, err := w.records().Ask(w.t.Context(), engine.AskRestore(w.stamp("acme"), &pb.Backup{Name: "tenants/acme/backups/" + backup}))
	if err != nil {
		w.t.Fatal(err)
	}
	w.ended(strings.TrimPrefix(op.GetName(), "operations/"), typev1.OperationMetadata_SUCCEEDED)
}

// TestOlderRecordsOpenNothing: etcd was restored from a snapshot that knows nothing
// of a restore that failed both ways. What was there before can be brought back.
func TestOlderRecordsOpenNothing(t *testing.T) {
	t.Parallel()
	w, was, _ := lostInARestore(t, 0)
	w.rewind(was)
	w.start(options{resync: resyncOften})
	w.staysShut("stamp backup restore acme before-restore-1")
	w.has("acme", "half-way", "1.0.0")
	w.disk.Replace("/flags", nil)
	w.bringsBack("before-restore-1")
	w.serves("acme", w.rev1)
	w.has("acme", "2 rockets", "1.0.0")
	if s := w.stamp("acme"); len(s.GetObstacles()) != 0 || s.GetFailure() != nil {
		t.Errorf("obstacles %v, failure %v", s.GetObstacles(), s.GetFailure())
	}
}

// TestARetryOpensWhatOlderRecordsShut.
func TestARetryOpensWhatOlderRecordsShut(t *testing.T) {
	t.Parallel()
	w, was, _ := lostInARestore(t, 0)
	w.rewind(was)
	w.start(options{resync: resyncOften})
	w.staysShut("stamp tenant retry acme")
	w.registry.Wish("acme", func(*registryv1.Tenant) {})
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	w.serves("acme", w.rev1)
	w.has("acme", "half-way", "1.0.0")
}

// TestOlderRecordsAfterACrash: the restore was cut short anywhere when etcd was
// lost. Data that was touched is shown to nobody.
func TestOlderRecordsAfterACrash(t *testing.T) {
	t.Parallel()
	touched := 0
	for n, survived := int64(1), false; !survived; n += max(4, stride) {
		var w *lost
		var was []store.KV
		w, was, survived = lostInARestore(t, n)
		all, err := w.cell.Manifests(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("manifests %v, %v", all, err)
		}
		orders, _ := w.disk.Get(w.data("acme") + "/orders")
		if all[0].Recovery.Restoring == "" {
			if orders != "2 rockets" {
				t.Fatalf("killed at event %d: the manifest does not say that the data was touched: %q", n, orders)
			}
			continue
		}
		if orders == "half-way" {
			touched++
		}
		w.rewind(was)
		r := w.start(options{resync: resyncOften})
		w.staysShut("before-restore-1")
		w.stop(r)
		if t.Failed() {
			t.Fatalf("killed at event %d", n)
		}
	}
	if touched < 2 {
		t.Errorf("the data was touched %d times only", touched)
	}
}

// TestSnapshotInTheMiddleOfARestore: that goes on from there, though it has failed
// both ways since. What was there before is not written over with what is half of two.
func TestSnapshotInTheMiddleOfARestore(t *testing.T) {
	t.Parallel()
	for n, survived := int64(1), false; !survived; n += max(4, stride) {
		var w *lost
		w, _, survived = lostInARestore(t, n)
		was := w.snapshot()
		r := w.start(options{})
		w.ended("acme.restore-1", typev1.OperationMetadata_FAILED)
		w.stop(r)
		kept := w.cell.Backups()
		w.rewind(was)
		r = w.start(options{resync: resyncOften})
		w.ended("acme.restore-1", typev1.OperationMetadata_FAILED)
		w.staysShut("before-restore-1")
		w.has("acme", "half-way", "1.0.0")
		if now := w.cell.Backups(); fmt.Sprint(now) != fmt.Sprint(kept) {
			t.Errorf("backups %v, before %v", now, kept)
		}
		w.stop(r)
		if t.Failed() {
			t.Fatalf("killed at event %d", n)
		}
	}
}

// TestOlderRecordsOfAnUpgrade: it could not go back, and the snapshot knows nothing
// of it. The newer wish hides not that the data is half of two.
func TestOlderRecordsOfAnUpgrade(t *testing.T) {
	t.Parallel()
	w := &lost{shopWorld: newShop(t)}
	w.open("acme")
	was, before := w.snapshot(), w.registry.Tenant("acme")
	w.disk.Put("/flags/broken", "yes")
	w.disk.Put("/flags/unrestorable", "all")
	r := w.start(options{})
	w.upgrade("acme")
	w.until("acme", 2, typev1.OperationMetadata_FAILED)
	w.stop(r)
	w.rewind(was)
	w.registry.Quietly("acme", func(t *registryv1.Tenant) { proto.Reset(t); proto.Merge(t, before) })
	w.start(options{resync: resyncOften})
	w.untilObstacle("acme", "RECORDS_OLDER")
	if o := w.untilObstacle("acme", "RESTORE_FAILED"); !strings.Contains(o.GetNextAction(), "upgrade-2") {
		t.Errorf("obstacle %v", o)
	}
	if s := w.stamp("acme"); !s.GetClosed() || s.GetHalfRestoredGeneration() != 1 {
		t.Errorf("stamp %v", s)
	}
	if o := w.untilObstacle("acme", "RECORDS_OLDER"); !strings.Contains(o.GetNextAction(), "upgrade-2") {
		t.Errorf("obstacle %v: any wish would open it on what data there is", o)
	}
	w.disk.Replace("/flags", nil)
	w.bringsBack("upgrade-2")
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	w.has("acme", "1 rocket", "1.0.0")
	if s := w.stamp("acme"); halfOf(s) {
		t.Errorf("stamp %v", s)
	}
}

func halfOf(s *pb.Stamp) bool { return s.GetClosed() || s.GetHalfRestoredGeneration() != 0 }

// TestOlderRecordsInTheMiddleOfAnUpgradesWayBack: that upgrade is over, and its
// backup is not what the data is half of.
func TestOlderRecordsInTheMiddleOfAnUpgradesWayBack(t *testing.T) {
	t.Parallel()
	w, was, _ := lostInARestore(t, 0)
	w.rewind(was)
	_, err := w.records().Stamps.Update(t.Context(), record.StampID("one", "acme"), func(s *pb.Stamp) error {
		s.Upgrade = &pb.Upgrade{Restoring: true, Migrating: true, Backup: "upgrade-9"}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.start(options{resync: resyncOften})
	w.staysShut("stamp backup restore acme before-restore-1")
	w.disk.Replace("/flags", nil)
	w.bringsBack("before-restore-1")
	w.serves("acme", w.rev1)
	w.has("acme", "2 rockets", "1.0.0")
}
