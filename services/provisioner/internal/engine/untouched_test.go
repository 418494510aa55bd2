package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/record"
)

// TestDataOutOfReachEndsWhatIsAboutIt: nobody waits for a backup or a restore of
// data that is not there; the obstacle stays as it was, and all is well again when
// it is back.
func TestDataOutOfReachEndsWhatIsAboutIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lose, find func(*shopWorld)
		code, says string
	}{
		"gone": {
			func(w *shopWorld) { w.cell.Lose("uid-acme", "db", "data") },
			func(w *shopWorld) { w.cell.Find("uid-acme") },
			"DATA_MISSING", "db.data",
		},
		"not touched": {
			func(w *shopWorld) { w.cell.Bar("uid-acme", "its user 200000 is another stamp's by now") },
			func(w *shopWorld) { w.cell.Bar("uid-acme", "") },
			"NUMBERS_TAKEN", "user 200000",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newShop(t)
			w.open("acme")
			w.start(options{watches: true})
			kept := w.asks(engine.AskBackup(w.stamp("acme"), pb.Backup_ON_DEMAND), typev1.OperationMetadata_SUCCEEDED)
			c.lose(w)
			since := w.untilObstacle("acme", c.code).GetSince().AsTime()
			for _, e := range []record.Errand{
				engine.AskBackup(w.stamp("acme"), pb.Backup_ON_DEMAND),
				engine.AskRestore(w.stamp("acme"), &pb.Backup{Name: kept.GetBackup()}),
			} {
				m := w.asks(e, typev1.OperationMetadata_FAILED)
				f := m.GetFailure()
				if f.GetRetryable() || m.GetAttempt() != 1 || !strings.Contains(f.GetMessage(), c.says) || !strings.Contains(f.GetNextAction(), "new") {
					t.Errorf("%s: attempt %d, failure %v", m.GetKind(), m.GetAttempt(), f)
				}
			}
			if all := w.stamp("acme").GetObstacles(); len(all) != 1 || all[0].GetCode() != c.code || !all[0].GetSince().AsTime().Equal(since) {
				t.Errorf("obstacles %v, want that of before", all)
			}
			c.find(w)
			w.asks(engine.AskBackup(w.stamp("acme"), pb.Backup_ON_DEMAND), typev1.OperationMetadata_SUCCEEDED)
		})
	}
}

// asks gives what became of an errand once it is in this state.
func (w *world) asks(e record.Errand, state typev1.OperationMetadata_State) (got *typev1.OperationMetadata) {
	w.t.Helper()
	op, err := w.records().Ask(w.t.Context(), e)
	if err != nil {
		w.t.Fatal(err)
	}
	w.untilErrand(strings.TrimPrefix(op.GetName(), "operations/"), func(m *typev1.OperationMetadata) bool {
		got = m
		return m.GetState() == state
	})
	return got
}

// TestAStampWithoutItsDataIsDeleted at once, without a last backup, which a person
// has to know before it is purged, whether it was deleted before or not.
func TestAStampWithoutItsDataIsDeleted(t *testing.T) {
	t.Parallel()
	for _, deleted := range []bool{true, false} {
		t.Run(fmt.Sprint(deleted), func(t *testing.T) {
			w := newShop(t)
			w.open("acme")
			w.start(options{watches: true})
			w.cell.Lose("uid-acme", "db", "data")
			w.untilObstacle("acme", "DATA_MISSING")
			next := int64(2)
			if deleted {
				w.registry.Wish("acme", func(t *registryv1.Tenant) { t.DeleteTime = timestamppb.Now() })
				if m := w.until("acme", next, typev1.OperationMetadata_SUCCEEDED); m.GetAttempt() != 1 {
					t.Errorf("%d attempts", m.GetAttempt())
				}
				if o := w.untilObstacle("acme", "BACKUP_FAILED"); !strings.Contains(o.GetMessage(), "db.data") || !strings.Contains(o.GetNextAction(), "undelete") {
					t.Errorf("obstacle %v", o)
				}
				next++
			}
			w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Purging = true })
			if f := w.until("acme", next, typev1.OperationMetadata_FAILED).GetFailure(); !strings.Contains(f.GetNextAction(), "force") {
				t.Errorf("failure %v", f)
			}
			w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Purge = &registryv1.Purge{Force: true} })
			w.until("acme", next+1, typev1.OperationMetadata_SUCCEEDED)
		})
	}
}
