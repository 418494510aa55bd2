//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/test/e2e/harness"
)

// shard is the claim on the cell's only part.
const shard = "/stampworks/provisioner/claims/local/0"

// TestFencing: a provisioner is stopped where it is, in the middle of a step,
// for longer than its lease; another on the same host takes over and goes on;
// then the first continues. Its writes are refused by etcd and its effects by
// the supervisors: everything is there once, and what runs is not touched.
func TestFencing(t *testing.T) {
	t.Parallel()
	h := harness.New(t, harness.Options{Standby: true})
	h.Start("tenant-registry", "gateway", "provisioner")
	h.AwaitReady("provisioner")
	backend, err := etcd.New(t.Context(), etcd.Config{Endpoints: []string{h.Etcd.Endpoint}}, etcd.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = backend.Close() })
	old := awaitHolder(t, backend, "provisioner")
	h.StartAll()
	awaitCells(t, h, "local")
	h.API.Publish("helpdesk-lite", "1.0.0")
	tenants := []string{"acme", "globex", "initech", "umbrella"}
	for _, id := range tenants {
		h.API.Create(id, harness.Wish(id, "helpdesk-lite"))
	}
	step := awaitStep(t, h, tenants)
	h.Services["provisioner"].Freeze()
	begin := time.Now()
	for _, id := range tenants {
		if s, err := h.API.Stamp(id); err == nil && s.GetDoneGeneration() > 0 {
			t.Logf("%s was made before its provisioner was stopped", id)
		}
	}
	next := awaitHolder(t, backend, "provisioner-two")
	t.Logf("evidence: stopped in %s, under token %d; taken over after %v under token %d", step, old, time.Since(begin).Round(time.Millisecond), next)
	for _, id := range tenants {
		h.API.AwaitActive(id, stampWithin)
	}
	before := h.API.OnceEach(30*time.Second, tenants, h.CellDir("local"))
	t.Logf("evidence: all %d ACTIVE while the first is stopped, %d components, each in one process", len(tenants), len(before))

	h.Services["provisioner"].Thaw()
	awaitBack(t, h, backend)
	refusesWrites(t, backend, old, next)
	for _, id := range tenants {
		refusesEffects(t, layout.Stamp(filepath.Join(h.CellDir("local"), "stamps", id)), old)
		if s, err := h.API.Stamp(id); err != nil || s.GetToken() != next {
			t.Errorf("%s: last written under token %d (%v), want %d", id, s.GetToken(), err, next)
		}
	}
	for name, pid := range h.API.OnceEach(30*time.Second, tenants, h.CellDir("local")) {
		if before[name] != pid {
			t.Errorf("%s was process %d, is %d: the late replica touched it", name, before[name], pid)
		}
	}
	t.Logf("evidence: the first is back, its writes and effects refused, %d components with the process ids of before", len(before))
}

// awaitHolder waits until a replica holds the shard, and gives its token.
func awaitHolder(t *testing.T, b store.Backend, replica string) int64 {
	t.Helper()
	var token int64
	testkit.Eventually(t, 25*time.Second, func() error {
		kv, err := b.Get(t.Context(), shard)
		if err == nil && string(kv.Value) != replica {
			err = fmt.Errorf("%s holds the shard, want %s", kv.Value, replica)
		}
		token = kv.CreateRevision
		return err
	})
	return token
}

// awaitStep waits until some component of a tenant is being made, and gives the step.
func awaitStep(t *testing.T, h *harness.Plane, tenants []string) string {
	t.Helper()
	var step string
	testkit.Eventually(t, stampWithin, func() error {
		for _, id := range tenants {
			_, m, err := h.API.Operation("operations/" + id + ".1")
			if err != nil {
				continue
			}
			for _, s := range m.GetSteps() {
				if s.GetState() == typev1.Step_RUNNING && s.GetComponent() != "" {
					step = "step " + s.GetId() + " of " + id
					return nil
				}
			}
		}
		return errors.New("no step has begun")
	})
	return step
}

// awaitBack waits until the first replica has noticed that its lease is gone and
// is a member again, without its claim.
func awaitBack(t *testing.T, h *harness.Plane, b store.Backend) {
	t.Helper()
	testkit.Eventually(t, 20*time.Second, func() error {
		if _, err := b.Get(t.Context(), "/stampworks/provisioner/members/provisioner"); err != nil {
			return err
		}
		if text := h.Services["provisioner"].LogTail(64 << 10); !strings.Contains(text, "no lease, nothing is held") {
			return errors.New("it has not noticed")
		}
		return nil
	})
	h.AwaitReady("provisioner")
}

// refusesWrites makes a write as the first replica would.
func refusesWrites(t *testing.T, b store.Backend, old, next int64) {
	t.Helper()
	for token, good := range map[int64]bool{old: false, next: true} {
		key := fmt.Sprintf("/stampworks/provisioner/shapes/probe-%d", token)
		res, err := b.Txn(t.Context(), []store.Cond{store.CreateRevisionIs(shard, token)}, []store.Op{store.PutOp(key, nil)})
		if err != nil || res.Succeeded != good {
			t.Errorf("a write under token %d: %+v, %v; want it to be made: %v", token, res, err, good)
		}
		if _, err := b.Txn(t.Context(), nil, []store.Op{store.DeleteOp(key)}); err != nil {
			t.Fatal(err)
		}
	}
}

// refusesEffects asks a supervisor for every effect, as the first replica would.
func refusesEffects(t *testing.T, s layout.Stamp, old int64) {
	t.Helper()
	for _, op := range []string{control.OpReserve, control.OpEnsure, control.OpStop, control.OpJob, control.OpDestroy} {
		_, err := control.Call(t.Context(), s, control.Request{
			Op: op, Token: old, Component: "app", Settings: &control.Settings{}, Applied: &control.Applied{},
			Job: &driver.Job{ID: "app.late-1", Component: "app", Command: []string{"true"}}, Wish: &driver.Manifest{},
		})
		if !errors.Is(err, driver.ErrStaleToken) {
			t.Errorf("%s under the token of before: %v, want a stale token", op, err)
		}
	}
}
