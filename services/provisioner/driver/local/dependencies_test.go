package local_test

import (
	"os"
	"testing"
)

// TestSupervisorIsSmall: one runs beside every customer. What it is built from
// is a rule of test/rules.
func TestSupervisorIsSmall(t *testing.T) {
	path, err := supervisorProgram()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > 15<<20 && !raceEnabled {
		t.Errorf("the supervisor has %d bytes (%v), want less than 15 MiB", info.Size(), err)
	}
}
