package supervisor

import (
	"slices"
	"testing"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
)

// TestEnvironment: what a component sets itself comes before what it is told, and a
// job's own before both.
func TestEnvironment(t *testing.T) {
	a := control.Applied{ProgramDir: "/p", Component: driver.Component{
		Env: map[string]string{"A": "own", "B": "own"}, Telemetry: map[string]string{"A": "told", "B": "told", "C": "told"},
	}}
	got := environment(a, start{env: map[string]string{"B": "job"}, nonce: "n"}, "/t")
	for _, want := range []string{"A=own", "B=job", "C=told", "HOME=/t"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in %q", want, got)
		}
	}
}
