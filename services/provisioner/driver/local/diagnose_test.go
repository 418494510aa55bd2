package local_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/drivertest"
)

// binds listens at the address that it is given, and says why it cannot.
const binds = `
import socket, sys, time
s = socket.socket(); s.bind((sys.argv[1], int(sys.argv[2]))); s.listen(); time.sleep(3600)
`

// TestDiagnoseTakenPort: what listens where a component is to is found; its own
// process is not taken for another's.
func TestDiagnoseTakenPort(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.Unisolated = true
	d := open(t, c)
	for _, wildcard := range []bool{false, true} {
		a := newTenant(t, d, "aaa")
		at := a.m.Site.Binds["app.http"]
		on := net.JoinHostPort(at.Listen, fmt.Sprint(at.Port))
		if wildcard {
			on = fmt.Sprintf(":%d", at.Port)
		}
		other, err := net.Listen("tcp", on)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = other.Close() }) // a second time
		a.ensure("python3", "-c", binds, at.Listen, fmt.Sprint(at.Port))
		cause := d.Diagnose(t.Context(), a.ref, "app")
		if errs.ReasonOf(cause) != "PORT_TAKEN" || !strings.Contains(cause.Error(), fmt.Sprint(at.Port)) {
			t.Errorf("on %s: diagnosed %v", on, cause)
		}
		_ = other.Close()
		// Its supervisor tries again. What this process starts meanwhile has the closed
		// port open for a moment, too.
		waitFor(t, func() error {
			c, err := net.Dial("tcp", net.JoinHostPort(at.Listen, fmt.Sprint(at.Port)))
			if err == nil {
				_ = c.Close()
				err = d.Diagnose(t.Context(), a.ref, "app")
			}
			return err
		})
	}
}

// TestFullDiskIsSaid: that the disk is full comes over the socket, from whatever
// could not be written, and is over when there is room.
func TestFullDiskIsSaid(t *testing.T) {
	c := config(t)
	dir, fill := drivertest.SmallDisk(t)
	c.DataDir, c.Unisolated = dir, true
	d := open(t, c)
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", sleeper)
	free := fill()
	changed := a.m.Components["app"]
	changed.Command = []string{"python3", "-c", sleeper + "#"}
	a.m.Components["app"] = changed
	_, jobErr := d.RunJob(t.Context(), a.ref, a.m, driver.Job{ID: "job", Component: "app", Command: []string{"python3", "-c", ""}})
	for what, err := range map[string]error{
		"Ensure": d.Ensure(t.Context(), a.ref, a.m, "app"), "RunJob": jobErr, "Diagnose": d.Diagnose(t.Context(), a.ref, "app"),
	} {
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s on a full disk = %v, want ENOSPC", what, err)
		}
	}
	free()
	if err := d.Ensure(t.Context(), a.ref, a.m, "app"); err != nil || !a.observe().Running {
		t.Errorf("with room again: %v, %+v", err, a.observe())
	}
}

// TestProgramNotInArtifact: it is said each time that it is asked for, also after a crash.
func TestProgramNotInArtifact(t *testing.T) {
	t.Parallel()
	a := newTenant(t, open(t, config(t)), "aaa")
	c := a.m.Components["app"]
	c.Command = []string{"nosuch"}
	a.m.Components["app"] = c
	for i := range 3 {
		if err := a.d.Ensure(t.Context(), a.ref, a.m, "app"); errs.ReasonOf(err) != "PROGRAM_NOT_IN_ARTIFACT" {
			t.Errorf("try %d: %v", i, err)
		}
		if i == 1 {
			a.killSupervisor()
		}
	}
	if _, err := a.d.RunJob(t.Context(), a.ref, a.m, driver.Job{ID: "job", Component: "app", Command: []string{"nosuch"}}); errs.ReasonOf(err) != "PROGRAM_NOT_IN_ARTIFACT" {
		t.Errorf("job: %v", err)
	}
	a.ensure("python3", "-c", sleeper)
	if o := a.observe(); !o.Running {
		t.Errorf("corrected, %+v", o)
	}
}
