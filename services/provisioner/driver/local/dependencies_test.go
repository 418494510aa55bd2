package local_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestSupervisorIsStandardLibraryOnly: it runs longest, as root, beside every
// customer, so it has no code in it that is neither Go's nor ours, and is small.
func TestSupervisorIsStandardLibraryOnly(t *testing.T) {
	const program = "stampworks.dev/services/provisioner/cmd/stamp-supervisor"
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", program).CombinedOutput()
	if err != nil {
		t.Fatalf("list dependencies: %v: %s", err, out)
	}
	for _, path := range strings.Fields(string(out)) {
		if path != program && !strings.HasPrefix(path, "stampworks.dev/services/provisioner/driver") {
			t.Errorf("the supervisor is built from %s", path)
		}
	}
	path, err := supervisorProgram()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > 15<<20 && !raceEnabled {
		t.Errorf("the supervisor has %d bytes (%v), want less than 15 MiB", info.Size(), err)
	}
}
