package trampoline

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
)

func attributes(spec Spec) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if spec.View != nil {
		// System V and POSIX queues and memory have owners, but their number is
		// the machine's, and they outlive who made them.
		attr.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWIPC
	}
	return attr
}

// become turns this process into the program.
func become(spec Spec) error {
	runtime.LockOSThread() // no_new_privs belongs to the thread that calls exec
	pid := []byte(strconv.Itoa(os.Getpid()))
	for _, file := range spec.GroupFiles {
		if err := os.WriteFile(file, pid, 0); err != nil {
			return fmt.Errorf("join control group: %w", err)
		}
	}
	if spec.View != nil {
		if err := spec.View.mount(); err != nil {
			return err
		}
	}
	if err := record(spec); err != nil {
		return err
	}
	if err := drop(spec.User); err != nil {
		return err
	}
	if err := os.Chdir(spec.Dir); err != nil {
		return fmt.Errorf("enter directory: %w", err)
	}
	if err := syscall.Exec(spec.Program, spec.Args, spec.Env); err != nil {
		return cannotRun(spec.Program, err)
	}
	return nil
}

const (
	prSetNoNewPrivs = 38 // prctl(2)
	rlimitProcesses = 6  // RLIMIT_NPROC, setrlimit(2)
	maxFiles        = 65536
	maxProcesses    = 4096 // of one stamp
)

// closeRest lets exec close every file but input and outputs: who started the
// provisioner may have left it some.
func closeRest() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("list open files: %w", err)
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}

// drop gives up what the process must not have.
func drop(user int) error {
	syscall.Umask(0o077)
	if err := closeRest(); err != nil {
		return err
	}
	limits := map[int]uint64{syscall.RLIMIT_CORE: 0, syscall.RLIMIT_NOFILE: maxFiles}
	if user != 0 { // who shares a user shares the count of its processes
		limits[rlimitProcesses] = maxProcesses
	}
	for which, n := range limits {
		if err := limit(which, n); err != nil {
			return err
		}
	}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("forbid new privileges: %w", errno)
	}
	if user == 0 {
		return nil
	}
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("leave groups: %w", err)
	}
	if err := syscall.Setresgid(user, user, user); err != nil {
		return fmt.Errorf("become group %d: %w", user, err)
	}
	if err := syscall.Setresuid(user, user, user); err != nil {
		return fmt.Errorf("become user %d: %w", user, err)
	}
	return nil
}

// nobody is the user that owns nothing.
const nobody = 65534

// Ask becomes a program of the machine that is only asked for its version: as
// nobody when this is root and another is wished for, with next to nothing to
// use up, and with no way to more.
func Ask(program, as string) error {
	runtime.LockOSThread()
	for which, n := range map[int]uint64{
		syscall.RLIMIT_CPU: 5, syscall.RLIMIT_FSIZE: 1 << 20, rlimitProcesses: 256,
	} {
		if err := limit(which, n); err != nil {
			return err
		}
	}
	user := 0
	if as == AskNobody && os.Geteuid() == 0 {
		user = nobody
	}
	if err := drop(user); err != nil {
		return err
	}
	if err := syscall.Exec(program, []string{program, "--version"}, askEnv); err != nil {
		return fmt.Errorf("execute %s: %w", program, err)
	}
	return nil
}

// limit lowers a limit of the process.
func limit(which int, n uint64) error {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(which, &now); err != nil {
		return fmt.Errorf("limit process: %w", err)
	}
	n = min(n, now.Max)
	if err := syscall.Setrlimit(which, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
		return fmt.Errorf("limit process: %w", err)
	}
	return nil
}
