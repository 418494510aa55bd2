package local_test

import (
	"errors"
	"reflect"
	"testing"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// TestSupervisorRefusesStaleTokens asks the supervisor itself, over its socket:
// the fence holds whatever the driver in front of it thinks, and after a crash.
func TestSupervisorRefusesStaleTokens(t *testing.T) {
	t.Parallel()
	a := newTenant(t, open(t, config(t)), "aaa")
	a.ensure("python3", "-c", sleeper)
	before := a.observe()
	stamp := layout.Stamp(a.m.Site.Dir)
	record, err := control.ReadRecord(stamp)
	if err != nil {
		t.Fatal(err)
	}
	applied := record.Applied["app"]
	applied.Digest, applied.Command = "stale", []string{"python3", "-c", ""}
	for _, again := range []bool{false, true} {
		for _, req := range []control.Request{
			{Op: control.OpReserve, Settings: &control.Settings{User: 1}},
			{Op: control.OpEnsure, Component: "app", Applied: &applied, Wish: &a.m},
			{Op: control.OpStop, Component: "app"},
			{Op: control.OpJob, Component: "app", Applied: &applied, Job: &driver.Job{ID: "stale", Component: "app", Command: applied.Command}},
			{Op: control.OpDestroy},
			{Op: control.OpHandover},
		} {
			req.Token = a.ref.Token - 1
			if _, err := control.Call(t.Context(), stamp, req); !errors.Is(err, driver.ErrStaleToken) {
				t.Errorf("%s with an old token = %v, want ErrStaleToken", req.Op, err)
			}
		}
		if now, err := control.ReadRecord(stamp); err != nil || !reflect.DeepEqual(now, record) {
			t.Errorf("a stale call changed the record: %+v, %v", now, err)
		}
		if o := a.observe(); !reflect.DeepEqual(o, before) {
			t.Errorf("a stale call did harm: %+v, was %+v", o, before)
		}
		if !again {
			a.killSupervisor()
			a.ensure("python3", "-c", sleeper) // brings the next one, which adopts
		}
	}
}
