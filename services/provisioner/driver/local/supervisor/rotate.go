package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"stampworks.dev/services/provisioner/driver/local/layout"
)

const (
	rotateInterval = 2 * time.Second
	rotateKept     = 3 // of a component
	rotateJobKept  = 1
)

// rotateLogs keeps the logs of components and jobs below their size.
func (s *Supervisor) rotateLogs(ctx context.Context) {
	tick := time.NewTicker(rotateInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		logs, err := filepath.Glob(filepath.Join(s.stamp.Components(), "*", "log", "current.log"))
		for _, log := range logs {
			err = errors.Join(err, rotate(log, layout.LogBytes, rotateKept))
		}
		if err = errors.Join(err, s.jobs.rotateLogs()); err != nil {
			s.log.Error("logs not rotated", "error", err)
		}
	}
}

// rotateLogs keeps the logs of the running jobs below their size.
func (j *jobs) rotateLogs() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all error
	for id := range j.running {
		all = errors.Join(all, rotate(j.logFile(id), layout.LogBytes, rotateJobKept))
	}
	return all
}

// removeLog removes the job's log, the rotated one included.
func (j *jobs) removeLog(id string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, path := range []string{j.logFile(id), j.logFile(id) + ".1"} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove log: %w", err)
		}
	}
	return nil
}

// output is the end of what a job printed.
func (j *jobs) output(id string, n int) []string {
	lines := lastLines(j.logFile(id), n)
	if missing := n - len(lines); missing > 0 {
		lines = append(lastLines(j.logFile(id)+".1", missing), lines...)
	}
	return lines
}

// rotate copies the end of the log away, most of it at the most, and empties it;
// its writers append, and notice nothing. The file is its stamp's, which may
// have made it longer than the disk: what is before the end is not read. A line written between copy and emptying is lost: the price of
// processes that do not depend on their supervisor.
func rotate(log string, most int64, kept int) error {
	f, err := os.OpenFile(log, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("rotate log: %w", err)
	}
	defer func() { _ = f.Close() }() // truncated, not written
	info, err := f.Stat()
	if err != nil || info.Size() < most {
		return err
	}
	for i := kept; i > 1; i-- {
		err := os.Rename(log+"."+strconv.Itoa(i-1), log+"."+strconv.Itoa(i))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotate log: %w", err)
		}
	}
	old, err := os.OpenFile(log+".1", os.O_CREATE|os.O_TRUNC|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("rotate log: %w", err)
	}
	_, err = io.Copy(old, io.NewSectionReader(f, info.Size()-most, most))
	if err = errors.Join(err, old.Close()); err == nil {
		err = f.Truncate(0)
	}
	if err != nil {
		return fmt.Errorf("rotate log: %w", err)
	}
	return nil
}
