package repository

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"stampworks.dev/services/provisioner/driver"
)

// file copies one open file, which must not change meanwhile.
func (t *tree) file(f *os.File, full string) error {
	before, err := f.Stat()
	if err != nil {
		return fmt.Errorf("copy %q: %w", full, err)
	}
	if t.to == nil {
		return t.content(f, full, before, io.Discard)
	}
	if err := t.room(before.Size(), full); err != nil {
		return err
	}
	out, err := t.to.OpenFile(full, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("copy %q: %w", full, err)
	}
	if err := t.content(f, full, before, out); err != nil {
		return errors.Join(err, out.Close())
	}
	return t.finish(out, full)
}

// content reads a file to its end, and notes what it was.
func (t *tree) content(f *os.File, full string, before os.FileInfo, into io.Writer) error {
	t.terms.at("copy " + full)
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(into, sum), &reader{t.ctx, io.LimitReader(f, before.Size()+1)})
	if err != nil {
		return fmt.Errorf("copy %q: %w", full, err)
	}
	after, err := f.Stat()
	if err == nil && (n != before.Size() || after.Size() != n || !after.ModTime().Equal(before.ModTime())) {
		err = refused(full, "it was written to while it was copied")
	}
	if err != nil {
		return err
	}
	t.entries = append(t.entries, driver.BackupFile{Path: full, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// maxReserve is how much of a disk copies leave free, in bytes; of a small one a
// twentieth.
const maxReserve = 1 << 30

// room refuses a file that would not fit before it fills the disk: a file can
// claim to be of any size, and others write to that disk.
func (t *tree) room(size int64, full string) error {
	var at unix.Statfs_t
	if err := unix.Statfs(t.to.Name(), &at); err != nil {
		return fmt.Errorf("measure disk: %w", err)
	}
	free := int64(at.Bavail) * int64(at.Bsize)                      //nolint:unconvert // not an int64 on every system
	reserve := min(int64(at.Blocks)*int64(at.Bsize)/20, maxReserve) //nolint:unconvert // as above
	if size > free-reserve {
		return fmt.Errorf("copy %q: %d bytes, and %d are free, of which %d are left to others: %w", full, size, free, reserve, unix.ENOSPC)
	}
	return nil
}

// finish gives the copy its owner, and sees it onto the disk.
func (t *tree) finish(f *os.File, full string) error {
	var err error
	if t.terms.to != KeepOwner {
		err = f.Chown(t.terms.to, t.terms.to)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("copy %q: %w", full, err)
	}
	return nil
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
