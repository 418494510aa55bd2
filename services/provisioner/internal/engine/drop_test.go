package engine_test

import (
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/engine"
)

// keep notes a backup of a tenant in the cell.
func (w *world) keep(tenant, id string) *pb.Backup {
	w.t.Helper()
	b := &pb.Backup{
		Name: "tenants/" + tenant + "/backups/" + id, TenantUid: "uid-" + tenant, CreateTime: timestamppb.Now(),
		Revision: w.rev1, Components: []string{"db"}, Cell: "cells/one",
	}
	if _, err := w.records().Backups.Create(w.t.Context(), tenant+"/"+id, b); err != nil {
		w.t.Fatal(err)
	}
	return b
}

// TestABackupIsDeletedByTheOwnerOfItsCell: a replica without the claim, or whose
// claim another has by now, touches nothing.
func TestABackupIsDeletedByTheOwnerOfItsCell(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	first := k.start(k.options())
	k.create("acme")
	k.settled("acme")
	k.ask("acme")
	b := k.has("acme", "backup-1")[0]
	none := k.start(options{cells: []string{}})
	k.take("one/0") // the first has not noticed, or notices now
	for name, r := range map[string]*replica{"without a claim": none, "with a lost one": first} {
		if err := r.engine.DeleteBackup(t.Context(), b); !errs.Is(err, errs.Unavailable) || errs.ReasonOf(err) != "CELL_NOT_OWNED" {
			t.Errorf("%s: %v, want that the cell is another's", name, err)
		}
	}
	k.has("acme", "backup-1")
	next := k.start(options{resync: k.options().resync, tune: k.options().tune})
	k.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	if err := next.engine.DeleteBackup(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	k.has("acme")
}

// TestABackupIsDeletedOrUsed: of who deletes a backup and who asks to have it back
// at the same moment, one is refused. The tenant has no stamp, so that what is
// asked for stays open.
func TestABackupIsDeletedOrUsed(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	r := k.start(k.options())
	stamp := &pb.Stamp{Name: "tenants/acme/stamp", TenantUid: "uid-acme"}
	for i := range 50 {
		b := k.keep("acme", fmt.Sprintf("kept-%d", i))
		var asked, deleted error
		var both sync.WaitGroup
		both.Go(func() { _, asked = k.records().Ask(t.Context(), engine.AskRestore(stamp, b)) })
		both.Go(func() {
			deleted = r.engine.DeleteBackup(t.Context(), b)
			for errs.ReasonOf(deleted) == "CELL_NOT_OWNED" { // its shard is about to be taken up
				deleted = r.engine.DeleteBackup(t.Context(), b)
			}
		})
		both.Wait()
		_, there := k.records().KeptBackup(t.Context(), b.GetName())
		switch {
		case asked == nil && errs.ReasonOf(deleted) == "BACKUP_NEEDED" && there == nil:
		case errs.ReasonOf(asked) == "BACKUP_NOT_FOUND" && deleted == nil && errs.Is(there, errs.NotFound):
		default:
			t.Errorf("%s: asked for: %v; deleted: %v; read: %v", b.GetName(), asked, deleted, there)
		}
	}
}
