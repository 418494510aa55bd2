package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

const followInterval = 200 * time.Millisecond

// Logs reads the component's log files, rotated ones first. Following, it goes
// on in the current one, from its beginning when it was rotated.
func (d *Driver) Logs(ctx context.Context, ref driver.Ref, q driver.LogQuery) (io.ReadCloser, error) {
	s, has, err := d.reserved(ref)
	if err != nil {
		return nil, err
	}
	if driver.CheckComponent(q.Component) != nil || !has {
		return nil, notFound(q.Component)
	}
	if _, err := os.Stat(string(s.Component(q.Component))); err != nil {
		return nil, notFound(q.Component)
	}
	return openLogs(ctx, s.Component(q.Component).Log(), q)
}

func notFound(component string) error {
	return errs.New(errs.NotFound, "COMPONENT_NOT_FOUND", "read logs of component %.80q: it was never made", component)
}

// logReader reads one file after the other and then, following, waits for more
// in the last.
type logReader struct {
	ctx    context.Context
	files  []*os.File // the last is the current log
	follow bool
}

func openLogs(ctx context.Context, current string, q driver.LogQuery) (io.ReadCloser, error) {
	r := &logReader{ctx: ctx, follow: q.Follow}
	paths := []string{current}
	for i := 1; ; i++ {
		if _, err := os.Lstat(current + "." + strconv.Itoa(i)); err != nil {
			break
		}
		paths = append([]string{current + "." + strconv.Itoa(i)}, paths...)
	}
	for _, path := range paths {
		f, err := openLog(path, q.Follow && path == current)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read logs: %w", err), r.Close())
		}
		r.files = append(r.files, f)
	}
	if err := r.seek(q.Tail); err != nil {
		return nil, errors.Join(fmt.Errorf("read logs: %w", err), r.Close())
	}
	return r, nil
}

// openLog makes the file when it is to be followed before anything was said.
// Its directory is not the stamp's, so it is no link.
func openLog(path string, create bool) (*os.File, error) {
	flags := os.O_RDONLY | syscall.O_NOFOLLOW
	if create {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			flags |= os.O_CREATE
		}
	}
	return os.OpenFile(path, flags, 0o600)
}

// seek goes to the last n lines, or to the beginning of all that is kept.
func (r *logReader) seek(n int) error {
	if n > 0 {
		return r.seekTail(n)
	}
	for _, f := range r.files {
		if err := layout.ToKept(f); err != nil {
			return err
		}
	}
	return nil
}

// seekTail goes to the last n lines, which may begin in an earlier file.
func (r *logReader) seekTail(n int) error {
	for i := len(r.files) - 1; i >= 0; i-- {
		at, lines, err := layout.TailOffset(r.files[i], n)
		if err != nil {
			return err
		}
		if _, err := r.files[i].Seek(at, io.SeekStart); err != nil {
			return err
		}
		if n -= lines; n <= 0 {
			for _, unread := range r.files[:i] {
				_ = unread.Close() // only opened
			}
			r.files = r.files[i:]
			return nil
		}
	}
	return nil
}

func (r *logReader) Read(p []byte) (int, error) {
	for len(r.files) > 0 {
		n, err := r.files[0].Read(p)
		if n > 0 || err != nil && err != io.EOF {
			return n, err
		}
		if len(r.files) == 1 {
			break
		}
		_ = r.files[0].Close() // only read
		r.files = r.files[1:]
	}
	if !r.follow || len(r.files) == 0 {
		return 0, io.EOF
	}
	return r.wait(p)
}

// wait gives what is written next.
func (r *logReader) wait(p []byte) (int, error) {
	tick := time.NewTicker(followInterval)
	defer tick.Stop()
	f := r.files[0]
	for {
		select {
		case <-r.ctx.Done():
			return 0, io.EOF
		case <-tick.C:
		}
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return 0, err
		}
		info, err := f.Stat()
		if err != nil {
			return 0, err
		}
		if info.Size() < at { // it was rotated
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				return 0, err
			}
		} else if info.Size()-at > layout.LogBytes { // more than anybody follows
			if _, err := f.Seek(info.Size()-layout.LogBytes, io.SeekStart); err != nil {
				return 0, err
			}
		}
		if n, err := f.Read(p); n > 0 || err != nil && err != io.EOF {
			return n, err
		}
	}
}

// Close ends the reading; nothing was written.
func (r *logReader) Close() error {
	var all error
	for _, f := range r.files {
		all = errors.Join(all, f.Close())
	}
	r.files = nil
	return all
}
