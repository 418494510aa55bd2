package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

var bootID = sync.OnceValue(func() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(id))
})

// stat reads start time and state from /proc/PID/stat (man 5 proc): fields 22
// and 3.
func stat(pid int) (string, byte, error) {
	fields, err := statFields(pid)
	if err != nil {
		return "", 0, err
	}
	state := fields[0][0]
	if state == 'Z' {
		// The first thread ends before the others: files are open until all have.
		if threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)); err == nil && len(threads) > 1 {
			state = 'R'
		}
	}
	return bootID() + "/" + fields[19], state, nil
}

// statFields gives the fields from the third on: those after the name, which
// may hold spaces and brackets.
func statFields(pid int) ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, fmt.Errorf("read process %d: %w", pid, err)
	}
	end := bytes.LastIndexByte(text, ')')
	fields := strings.Fields(string(text[end+1:]))
	if end < 0 || len(fields) < 20 {
		return nil, fmt.Errorf("read process %d: unknown form %q", pid, text)
	}
	return fields, nil
}

// groupRuns looks for a member of the group (field 5) that has not ended.
func groupRuns(pgid int) bool {
	want := strconv.Itoa(pgid)
	pids, err := find(func(dir string) bool {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return false
		}
		fields, err := statFields(pid)
		return err == nil && fields[2] == want && fields[0] != "Z" && fields[0] != "X"
	})
	return err != nil || len(pids) > 0
}

// sysPidfdOpen is pidfd_open(2), Linux 5.3, the same number everywhere.
const (
	sysPidfdOpen  = 434
	pidfdNonblock = syscall.O_NONBLOCK
)

func (i Identity) waitFD(ctx context.Context) error {
	fd, _, errno := syscall.Syscall(sysPidfdOpen, uintptr(i.PID), pidfdNonblock, 0)
	switch {
	case errno == syscall.ESRCH:
		return nil
	case errno != 0:
		return errors.ErrUnsupported
	}
	file := os.NewFile(fd, "pidfd")
	defer func() { _ = file.Close() }() // nothing to lose
	conn, err := file.SyscallConn()
	if err != nil {
		return errors.ErrUnsupported
	}
	stop := context.AfterFunc(ctx, func() { _ = file.Close() })
	defer stop()
	err = conn.Read(func(uintptr) bool { return !i.Alive() })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && i.Alive() {
		return errors.ErrUnsupported
	}
	return nil
}

// OfUser lists the processes that have the user as real or effective one.
func OfUser(user int) ([]int, error) {
	return find(func(dir string) bool {
		text, err := os.ReadFile(dir + "/status")
		if err != nil {
			return false
		}
		state, ids := "", []string{}
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "State:"); ok {
				state = strings.TrimSpace(rest)
			}
			if rest, ok := strings.CutPrefix(line, "Uid:"); ok {
				ids = strings.Fields(rest)
			}
		}
		want := strconv.Itoa(user)
		return !strings.HasPrefix(state, "Z") && len(ids) > 1 && (ids[0] == want || ids[1] == want)
	})
}

// WithEnv lists the processes that were started with the variable.
func WithEnv(entry string) ([]int, error) {
	return find(func(dir string) bool {
		text, err := os.ReadFile(dir + "/environ")
		if err != nil {
			return false
		}
		for one := range bytes.SplitSeq(text, []byte{0}) {
			if string(one) == entry {
				return true
			}
		}
		return false
	})
}

func find(match func(dir string) bool) ([]int, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil && pid != os.Getpid() && match(dir) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
