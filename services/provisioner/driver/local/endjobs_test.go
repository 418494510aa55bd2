package local_test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// TestEndJobsOfAnOlderSupervisor: one that does not know the request hands over to
// one that does. What runs is not touched.
func TestEndJobsOfAnOlderSupervisor(t *testing.T) {
	d := open(t, config(t))
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", sleeper)
	pid, s := a.pid(), layout.Stamp(a.m.Site.Dir)
	if _, err := control.Call(t.Context(), s, control.Request{Op: control.OpHandover, Token: a.ref.Token}); err != nil {
		t.Fatal(err)
	}
	asked := olderSupervisor(t, s)
	if err := d.EndJobs(t.Context(), a.ref); err != nil {
		t.Fatal(err)
	}
	if got := <-asked; !slices.Equal(got, []string{control.OpEndJobs, control.OpHandover}) {
		t.Errorf("asked for %v", got)
	}
	if now := a.pid(); now != pid {
		t.Errorf("process %d, was %d", now, pid)
	}
}

// olderSupervisor answers in the place of a supervisor until it hands over, and
// tells what it was asked for.
func olderSupervisor(t *testing.T, s layout.Stamp) chan []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // the next one's is there by then
	if err := os.Rename(path, filepath.Join(s.Run(), "sock")); err != nil {
		t.Fatal(err)
	}
	asked := make(chan []string, 1)
	go func() {
		var ops []string
		defer func() { _ = l.Close(); asked <- ops }()
		for !slices.Contains(ops, control.OpHandover) {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			var req control.Request
			resp := control.Response{Version: control.Version}
			if err := json.NewDecoder(conn).Decode(&req); err == nil && req.Op != control.OpHandover {
				resp.Failure = &control.Failure{Code: control.CodeUnknown, Message: `unknown request "end-jobs"`}
			}
			if ops = append(ops, req.Op); req.Op == control.OpHandover {
				_ = l.Close() // before who asked knows
			}
			_ = json.NewEncoder(conn).Encode(resp) // who asked sees it
			_ = conn.Close()
		}
	}()
	return asked
}
