package engine_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/rpc/rpctest"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/registrytest"
)

// safe is shop with a setup that would empty it.
var safe = strings.Replace(shop, "    run: shop db", "    setup: shop put ${volumes.data}/orders none\n    run: shop db", 1)

// lost is a world of which nothing is left but the cell and what it runs.
type lost struct {
	*shopWorld
	before driver.Adopted
	pids   map[string][]int
}

// high is the token of the etcd that was lost: greater than all of the next.
var high = driver.Ref{Tenant: "acme", UID: "uid-acme", Token: 1 << 40, Recovery: "a look"}

func lose(t *testing.T, change func(*registryv1.Tenant)) *lost {
	t.Helper()
	w := &lost{shopWorld: newShop(t)}
	w.rev1 = w.registry.Publish(t, fmt.Sprintf(safe, "1.5.0", "1.5.0"))
	w.open("acme")
	r := w.start(options{})
	w.backup("backup-1")
	if change != nil {
		w.registry.Wish("acme", change)
		w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	}
	w.stop(r)
	var err error
	if w.before, err = w.cell.Adopt(t.Context(), high, "a look"); err != nil {
		t.Fatal(err)
	}
	w.pids = w.running()
	w.etcdLost(fmt.Sprintf(safe, "1.5.0", "1.5.0"))
	return w
}

// etcdLost leaves nothing but the cell, and a registry with these revisions.
func (w *lost) etcdLost(revisions ...string) {
	w.t.Helper()
	w.forget()
	w.registry = registrytest.New()
	w.client = rpctest.Serve(w.t, "tenant-registry", w.registry.Register)
	for _, source := range revisions {
		w.registry.Publish(w.t, source)
	}
}

// forget removes all that the provisioner ever kept in etcd.
func (w *lost) forget() {
	w.t.Helper()
	all, err := w.backend.List(w.t.Context(), store.ListQuery{Prefix: w.prefix})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, kv := range all.Items {
		if _, err := w.backend.Txn(w.t.Context(), nil, []store.Op{store.DeleteOp(kv.Key)}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// backup makes one and waits for it.
func (w *lost) backup(id string) {
	w.t.Helper()
	op, err := w.records().Ask(w.t.Context(), engine.AskBackup(w.stamp("acme"), pb.Backup_ON_DEMAND))
	if err != nil || op.GetName() != "operations/acme."+id {
		w.t.Fatalf("ask for a backup: %v, %v, want %s", op, err, id)
	}
	testkit.Eventually(w.t, soon, func() error {
		v, err := w.records().Operations.Get(w.t.Context(), "acme."+id)
		if err == nil && v.Value.GetMetadata().GetState() != typev1.OperationMetadata_SUCCEEDED {
			err = fmt.Errorf("the backup is %v", v.Value.GetMetadata())
		}
		return err
	})
}

func (w *lost) running() map[string][]int {
	w.t.Helper()
	obs, err := w.cell.Observe(w.t.Context(), high)
	if err != nil {
		w.t.Fatal(err)
	}
	pids := map[string][]int{}
	for name, c := range obs.Components {
		pids[name] = c.PIDs
	}
	return pids
}

// recover wishes for the tenant again, as the registry does.
func (w *lost) recover() { w.recoverAs("") }

// recoverAs has it on another revision.
func (w *lost) recoverAs(revision string) {
	w.t.Helper()
	w.again(w.before.Manifest, revision)
}

func (w *lost) again(m driver.Manifest, revision string) {
	w.t.Helper()
	was := &registryv1.Tenant{}
	if err := protojson.Unmarshal(m.Recovery.Tenant, was); err != nil {
		w.t.Fatal(err)
	}
	w.place(w.registry.Wish(m.Tenant, func(t *registryv1.Tenant) {
		proto.Reset(t)
		proto.Merge(t, was)
		t.Generation, t.Recovery, t.RestoreFrom = 100, &registryv1.Recovery{Id: "r-1", Cell: "cells/one"}, m.Recovery.Restoring
		t.Blueprint = cmp.Or(revision, t.Blueprint)
	}), "one")
}

func TestAStampIsTakenOver(t *testing.T) {
	t.Parallel()
	w := lose(t, nil)
	w.write("acme", "2 rockets")
	w.recover()
	w.start(options{})
	w.until("acme", 101, typev1.OperationMetadata_SUCCEEDED)
	if now := w.running(); fmt.Sprint(now) != fmt.Sprint(w.pids) || len(now) != 2 {
		t.Errorf("processes %v, before %v", now, w.pids)
	}
	w.has("acme", "2 rockets", "1.5.0")
	after, err := w.cell.Adopt(t.Context(), high, "another look")
	if err != nil {
		t.Fatal(err)
	}
	was, is := w.before.Manifest, after.Manifest
	if pw := was.Components["db"].Env["PASSWORD"]; len(pw) != 16 || pw != is.Components["db"].Env["PASSWORD"] {
		t.Errorf("password %q, before %q", is.Components["db"].Env["PASSWORD"], pw)
	} else if text, err := json.Marshal(was.Recovery); err != nil || strings.Contains(string(text), pw) {
		t.Errorf("what is kept to recover from has the password in clear, %v", err)
	}
	if !reflect.DeepEqual(was.Recovery.Sealed, is.Recovery.Sealed) || len(is.Recovery.Sealed) != 1 || w.stamp("acme").GetSecretVersions()["password"] != 1 {
		t.Errorf("sealed %v, before %v", is.Recovery.Sealed, was.Recovery.Sealed)
	}
	if _, err := w.cell.Adopt(t.Context(), driver.Ref{Tenant: "acme", UID: "uid-acme", Token: 1 << 30}, "r-2"); err != nil {
		t.Fatal(err) // the look raised the token
	}
	kept, err := w.records().KeptBackups(t.Context(), "acme")
	if err != nil || len(kept) != 1 || kept[0].GetName() != "tenants/acme/backups/backup-1" || kept[0].GetRevision() != w.rev1 ||
		kept[0].GetReason() != pb.Backup_ON_DEMAND || kept[0].GetFiles() == 0 || kept[0].GetCreateTime() == nil {
		t.Errorf("backups %v, %v", kept, err)
	}
}

// TestBackupsGoOnAfterARecovery: no number comes twice, and no result of before
// is taken for one of now.
func TestBackupsGoOnAfterARecovery(t *testing.T) {
	t.Parallel()
	w := lose(t, nil)
	w.write("acme", "2 rockets")
	w.recover()
	w.start(options{})
	w.until("acme", 101, typev1.OperationMetadata_SUCCEEDED)
	w.backup("backup-2")
	names := []string{}
	kept, err := w.records().KeptBackups(t.Context(), "acme")
	for _, b := range kept {
		names = append(names, record.TenantID(b.GetName())+" "+b.GetDigest())
	}
	if err != nil || len(names) != 2 || names[0] == names[1] {
		t.Errorf("backups %v, %v, want two that differ", names, err)
	}
}

func TestATakenOverStampIsStopped(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*registryv1.Tenant){
		"suspended": func(t *registryv1.Tenant) { t.Suspended = true },
		"deleted":   func(t *registryv1.Tenant) { t.DeleteTime = timestamppb.Now() },
	} {
		t.Run(name, func(t *testing.T) {
			w := lose(t, change)
			if err := w.cell.Ensure(t.Context(), high, startAll(w.before.Manifest), "db"); err != nil {
				t.Fatal(err) // the stop was cut short
			}
			w.recover()
			w.start(options{})
			w.until("acme", 101, typev1.OperationMetadata_SUCCEEDED)
			for name, pids := range w.running() {
				if len(pids) != 0 {
					t.Errorf("%s runs as %v", name, pids)
				}
			}
			w.has("acme", "1 rocket", "1.5.0")
		})
	}
}

func startAll(m driver.Manifest) driver.Manifest {
	for name, c := range m.Components {
		c.Stopped = false
		m.Components[name] = c
	}
	return m
}

// TestNothingIsMadeForARecoveredTenant: where its stamp is not there, a new and
// empty one would be taken for the customer's.
func TestNothingIsMadeForARecoveredTenant(t *testing.T) {
	t.Parallel()
	w := lose(t, nil)
	w.cell = memory.New(memory.Config{})
	w.recover()
	w.start(options{})
	m := w.until("acme", 101, typev1.OperationMetadata_RETRYING)
	if !strings.Contains(m.GetFailure().GetMessage(), "adopt stamp") {
		t.Errorf("failure %v", m.GetFailure())
	}
	if made := w.cell.Tenants(); slices.Contains(made, "acme") {
		t.Errorf("made %v", made)
	}
}

// TestWhatAnUpgradeLeftAloneIsTakenOver: what was not started anew by the last
// upgrade was told of the revision before, and is not started anew for that.
func TestWhatAnUpgradeLeftAloneIsTakenOver(t *testing.T) {
	t.Parallel()
	w := &lost{shopWorld: newShop(t)}
	w.open("acme")
	made := w.running()
	r := w.start(options{})
	w.upgrade("acme")
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	w.stop(r)
	var err error
	if w.before, err = w.cell.Adopt(t.Context(), high, "a look"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.before.Serves, []string{"app", "db"}) {
		t.Errorf("%v serve as the manifest says, want both", w.before.Serves)
	}
	w.pids = w.running()
	if fmt.Sprint(made["db"]) != fmt.Sprint(w.pids["db"]) || fmt.Sprint(made["app"]) == fmt.Sprint(w.pids["app"]) {
		t.Fatalf("after the upgrade %v runs, before %v: want another app alone", w.pids, made)
	}
	w.etcdLost(fmt.Sprintf(shop, "1.0.0", "1.0.0"), fmt.Sprintf(shop, "1.1.0", "1.1.0"))
	w.recover()
	w.start(options{})
	w.until("acme", 101, typev1.OperationMetadata_SUCCEEDED)
	if now := w.running(); fmt.Sprint(now) != fmt.Sprint(w.pids) {
		t.Errorf("processes %v, before %v", now, w.pids)
	}
}
