package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/record"
)

// away is a stamp whose directory was away and is back without a directory that
// its components need: nothing starts until Reserve has made that again.
func away(t *testing.T, curable bool) (w *world, cure func()) {
	t.Helper()
	var lacks atomic.Bool
	w = newWorld(t, memory.Config{Fault: func(_ context.Context, c memory.Call) error {
		switch {
		case c.Verb == "Reserve" && curable:
			lacks.Store(false)
		case c.Verb == "Ensure" && lacks.Load():
			return errors.New("chdir /stamps/acme/tmp: no such directory")
		}
		return nil
	}})
	r := w.start(options{places: true, watches: true})
	w.create("acme")
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	w.quietly(r, func(t *registryv1.Tenant) { t.DriftPolicy = registryv1.Tenant_SHOW })
	lacks.Store(true)
	w.cell.Lose("uid-acme", "db", "data")
	w.cell.Lose("uid-acme", "db", "")
	for _, c := range []string{"db", "app", "worker"} {
		w.cell.Kill("uid-acme", c)
	}
	w.untilObstacle("acme", "DATA_MISSING")
	return w, func() { lacks.Store(false) }
}

func (w *world) repair() string {
	w.t.Helper()
	op, err := w.records().Ask(w.t.Context(), record.Errand{
		Tenant: "acme", UID: "uid-acme", Kind: typev1.OperationMetadata_REPAIR, Word: "repair", Principal: "tokens/dba",
		Work: func(int) (*pb.Errand, *typev1.OperationMetadata) {
			return &pb.Errand{Work: &pb.Errand_RepairStamp_{RepairStamp: &pb.Errand_RepairStamp{}}}, &typev1.OperationMetadata{}
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimPrefix(op.GetName(), "operations/")
}

// untilErrand waits for an operation without a generation.
func (w *world) untilErrand(id string, good func(*typev1.OperationMetadata) bool) {
	w.t.Helper()
	testkit.Eventually(w.t, soon, func() error {
		v, err := w.records().Operations.Get(w.t.Context(), id)
		if err == nil && !good(v.Value.GetMetadata()) {
			err = fmt.Errorf("operation %v, obstacles %v", v.Value.GetMetadata(), w.stamp("acme").GetObstacles())
		}
		return err
	})
}

// TestARepairOfAStampThatWasAway: a repair that somebody asks for makes again
// what is gone, although what differs is only shown.
func TestARepairOfAStampThatWasAway(t *testing.T) {
	t.Parallel()
	w, _ := away(t, true)
	id := w.repair()
	w.untilErrand(id, func(m *typev1.OperationMetadata) bool { return len(m.GetObstacles()) == 1 })
	w.cell.Find("uid-acme")
	w.untilErrand(id, func(m *typev1.OperationMetadata) bool { return m.GetState() == typev1.OperationMetadata_SUCCEEDED })
	w.untilDrift("")
	testkit.Eventually(t, soon, func() error {
		if o := w.stamp("acme").GetObstacles(); len(o) > 0 {
			return fmt.Errorf("obstacles %v", o)
		}
		return nil
	})
}

// TestAnErrandThatFailsShowsOnTheStamp, in place of what is over.
func TestAnErrandThatFailsShowsOnTheStamp(t *testing.T) {
	t.Parallel()
	w, cure := away(t, false)
	id := w.repair()
	w.cell.Find("uid-acme")
	o := w.untilObstacle("acme", "DRIVER_ERROR")
	if want := id + " fails, and is tried again: chdir /stamps/acme/tmp"; !strings.Contains(o.GetMessage(), want) {
		t.Errorf("obstacle %q, want %q in it", o.GetMessage(), want)
	}
	if all := w.stamp("acme").GetObstacles(); len(all) != 1 {
		t.Errorf("obstacles %v", all)
	}
	cure()
	w.untilErrand(id, func(m *typev1.OperationMetadata) bool { return m.GetState() == typev1.OperationMetadata_SUCCEEDED })
	testkit.Eventually(t, soon, func() error {
		if o := w.stamp("acme").GetObstacles(); len(o) > 0 {
			return fmt.Errorf("obstacles %v", o)
		}
		return nil
	})
}
