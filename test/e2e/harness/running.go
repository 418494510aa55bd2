package harness

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Running is a process as /proc shows it.
type Running struct {
	PID, UID, Parent int
	Program          string
	Args             []string
}

func (r Running) String() string {
	return fmt.Sprintf("%d (user %d) %s", r.PID, r.UID, strings.Join(r.Args, " "))
}

// Supervisor tells whether it is a stamp's supervisor.
func (r Running) Supervisor() bool {
	return len(r.Args) > 0 && filepath.Base(r.Args[0]) == "stamp-supervisor"
}

// Kill ends it with -9.
func (r Running) Kill() { _ = syscall.Kill(r.PID, syscall.SIGKILL) } // it may have ended meanwhile

// RunningBelow lists the processes of stamps below a cell's folder: supervisors,
// and whatever runs a program, or in a folder, from there.
func RunningBelow(t testing.TB, dir string) []Running {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatalf("list processes: %v", err)
	}
	var found []Running
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if r, ok := look(pid); ok && r.below(dir) {
			found = append(found, r)
		}
	}
	return found
}

// look reads one process; false when it ended meanwhile.
func look(pid int) (Running, bool) {
	at := filepath.Join("/proc", strconv.Itoa(pid))
	info, err := os.Stat(at)
	if err != nil {
		return Running{}, false
	}
	line, err := os.ReadFile(filepath.Join(at, "cmdline"))
	if err != nil || len(line) == 0 { // a zombie or the kernel's
		return Running{}, false
	}
	r := Running{PID: pid}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		r.UID = int(owner.Uid)
	}
	for arg := range bytes.SplitSeq(bytes.TrimRight(line, "\x00"), []byte{0}) {
		r.Args = append(r.Args, string(arg))
	}
	r.Program, _ = os.Readlink(filepath.Join(at, "exe"))
	r.Parent = parent(at)
	return r, true
}

// parent reads the fourth field of stat; the second, in brackets, may hold
// anything.
func parent(at string) int {
	text, err := os.ReadFile(filepath.Join(at, "stat"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	pid, _ := strconv.Atoi(fields[1])
	return pid
}

func (r Running) below(dir string) bool {
	if strings.HasPrefix(r.Program, dir+"/") {
		return true
	}
	if r.Supervisor() && len(r.Args) > 2 && strings.HasPrefix(r.Args[2], dir+"/") {
		return true
	}
	cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", r.PID))
	return strings.HasPrefix(cwd, dir+"/")
}
