package stamp

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/test/e2e/harness"
)

// scriptPath is seen from the folder of the command.
const scriptPath = "script/stamp.sh"

// Users, addresses and ports of the script's are outside of every cell's.
const (
	firstUser = 300000
	firstPort = 31000
)

// script is what an engineer would do by hand, with the isolation that a stamp
// on this machine really has.
type script struct {
	t        testing.TB
	dir      string
	settings []string
	copies   int // so far
}

// newScript takes the isolation over from a stamp.
func newScript(t testing.TB, dir, product string, like *provisionerv1.Stamp) *script {
	t.Helper()
	s := &script{t: t, dir: filepath.Join(dir, "script")}
	programs := filepath.Join(s.dir, "programs")
	if err := os.MkdirAll(programs, 0o711); err != nil {
		t.Fatal(err)
	}
	harness.CopyProgram(t, "products/helpdesk-1.0.0", filepath.Join(programs, "helpdesk"))
	has := like.GetIsolation()
	s.settings = []string{
		"PATH=" + os.Getenv("PATH"), "PRODUCT=" + product, "HELPDESK=" + programs, "POSTGRES=" + postgresOf(like),
		"MASK=" + s.mask(has["files"]), "CGROUPS=" + strings.TrimPrefix(without(has["cpu"]), "cgroup v"), "WALL=" + wall(t, has["network"]),
	}
	if without(has["users"]) == "" {
		s.settings = append(s.settings, "RUN_AS=0")
	}
	return s
}

// without gives nothing for a kind of isolation that there is not.
func without(isolation string) string { return strings.TrimPrefix(isolation, "NONE") }

// mask is what a cell at the same place would hide.
func (s *script) mask(files string) string {
	switch {
	case !strings.Contains(files, "hidden"):
		return ""
	case strings.HasPrefix(s.dir, "/tmp/"):
		return "/tmp"
	}
	return s.dir
}

func wall(t testing.TB, network string) string {
	t.Helper()
	if without(network) == "" {
		return ""
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return self
}

// run makes so many copies at once, tells how long that took, and removes them.
func (s *script) run(copies int) time.Duration {
	s.t.Helper()
	first := s.copies
	s.copies += copies
	defer func() {
		for i := range copies {
			if err := s.command(context.WithoutCancel(s.t.Context()), first+i, "down"); err != nil {
				s.t.Errorf("%v", err)
			}
		}
	}()
	failed := make(chan error, copies)
	began := time.Now()
	for i := range copies {
		go func() { failed <- s.command(s.t.Context(), first+i, "up") }()
	}
	for range copies {
		if err := <-failed; err != nil {
			s.t.Errorf("%v", err)
		}
	}
	took := time.Since(began)
	if s.t.Failed() {
		s.t.FailNow()
	}
	return took
}

func (s *script) command(ctx context.Context, copied int, what string) error {
	cmd := exec.CommandContext(ctx, "bash", scriptPath, what)
	name := "by-hand-" + strconv.Itoa(copied)
	cmd.Env = append([]string{
		"DIR=" + filepath.Join(s.dir, name), "NAME=" + name, fmt.Sprintf("PORT=%d", firstPort+copied),
		fmt.Sprintf("ADDRESS=127.200.%d.%d", copied/250, copied%250+1), fmt.Sprintf("RUN_AS=%d", firstUser+copied),
	}, s.settings...) // the last one of a name counts
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", scriptPath, what, err, out)
	}
	return nil
}
