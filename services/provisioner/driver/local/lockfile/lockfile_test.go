package lockfile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver/local/process"
)

// holderVariable makes this test binary a process that holds the lock of a path,
// and says so, until its standard input ends.
const holderVariable = "STAMPWORKS_TEST_LOCK"

func TestMain(m *testing.M) {
	if path := os.Getenv(holderVariable); path != "" {
		release, err := Take(context.Background(), path)
		fmt.Println("held", err)
		_, _ = bufio.NewReader(os.Stdin).ReadString(0)
		if err == nil {
			release()
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// held gives another process, which holds the lock.
func held(t *testing.T, path string) (other *exec.Cmd, let func()) {
	t.Helper()
	other = exec.CommandContext(t.Context(), os.Args[0])
	other.Env = append(os.Environ(), holderVariable+"="+path)
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = other.Process.Kill(), other.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); strings.TrimSpace(line) != "held <nil>" {
		t.Fatalf("%q, %v", line, err)
	}
	return other, func() { _ = in.Close() }
}

// TestTakeEnds: who holds a lock and never gives it back does not keep the
// others of its process for ever, nor longer than their context lasts.
func TestTakeEnds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	synctest.Test(t, func(t *testing.T) {
		release, err := Take(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := Take(t.Context(), path); errs.ReasonOf(err) != "HOST_BUSY" || !errs.Is(err, errs.Unavailable) || time.Since(began) > Within+time.Second {
			t.Errorf("a held lock after %s = %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := Take(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a held lock, past the context = %v", err)
		}
		freed := time.AfterFunc(time.Second, release)
		defer freed.Stop()
		again, err := Take(t.Context(), path)
		if err != nil {
			t.Fatalf("a lock that was given back = %v", err)
		}
		again()
	})
}

// TestOtherProcessIsWaitedFor: one that runs keeps its lock, and is not killed
// for it.
func TestOtherProcessIsWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	other, let := held(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := Take(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a lock of another process = %v", err)
	}
	id, err := process.Of(other.Process.Pid)
	if err != nil || !id.Alive() {
		t.Errorf("who held the lock is gone: %v", err)
	}
	let()
	release, err := Take(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	release()
}

// TestStoppedHolderIsEnded: who is stopped with the lock keeps nobody, and does
// not go on later.
func TestStoppedHolderIsEnded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	other, _ := held(t, path)
	if err := other.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	release, err := Take(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	end := (*exec.ExitError)(nil)
	if err := other.Wait(); !errors.As(err, &end) || end.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("the stopped holder: %v, want it killed", err)
	}
}

// TestOthersFilesAreRefused: a lock that somebody else can open, somebody else
// can hold.
func TestOthersFilesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	good, err := open(at("good"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = good.Close() }()
	for name, put := range map[string]func(path string) error{
		"link":     func(path string) error { return os.Symlink(at("good"), path) },
		"readable": func(path string) error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o604)) },
		"dir":      func(path string) error { return os.Mkdir(path, 0o700) },
		"foreign": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Chown(path, 300000, 300000))
		},
	} {
		if err := put(at(name)); err != nil {
			t.Logf("%s: %v", name, err) // only root gives files away
			continue
		}
		if f, err := open(at(name)); err == nil {
			t.Errorf("%s was opened", name)
			_ = f.Close()
		}
	}
	for name, put := range map[string]func(path string) error{
		"link to dir": func(path string) error { return os.Symlink(dir, path) },
		"writable":    func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o777)) },
		"file":        func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		if err := errors.Join(put(at(name)), Dir(at(name))); err == nil {
			t.Errorf("%s is good for locks", name)
		}
	}
	for range 2 {
		if err := Dir(at("locks")); err != nil {
			t.Error(err)
		}
	}
}
