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
)

const (
	rotateInterval = 2 * time.Second
	rotateBytes    = 5 << 20
	rotateKept     = 3
)

// rotateLogs keeps every component's log below its size.
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
			err = errors.Join(err, rotate(log, rotateBytes))
		}
		if err != nil {
			s.log.Error("logs not rotated", "error", err)
		}
	}
}

// rotate copies the log away and empties it; its writers append, and notice
// nothing. A line written between copy and emptying is lost: the price of
// processes that do not depend on their supervisor.
func rotate(log string, most int64) error {
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
	for i := rotateKept; i > 1; i-- {
		err := os.Rename(log+"."+strconv.Itoa(i-1), log+"."+strconv.Itoa(i))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotate log: %w", err)
		}
	}
	old, err := os.OpenFile(log+".1", os.O_CREATE|os.O_TRUNC|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("rotate log: %w", err)
	}
	_, err = io.Copy(old, f)
	if err = errors.Join(err, old.Close()); err == nil {
		err = f.Truncate(0)
	}
	if err != nil {
		return fmt.Errorf("rotate log: %w", err)
	}
	return nil
}
