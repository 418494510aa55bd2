package repository

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// reasonRefused is of what a backup cannot have in it.
const reasonRefused = "BACKUP_REFUSED"

// What one backup may have; a directory at the top has depth 1.
const (
	maxEntries = 100_000
	maxDepth   = 64
	batch      = 1024 // names read at once
)

// terms are whose the copied files must be, whose the copies become, and how
// many there may be.
type terms struct {
	from, to, most int
	// at is told what is about to be opened, or copied; tests change it there.
	at func(point string)
}

const (
	anyOwner = -1 // from: it is not looked at, nor are hard links
	// KeepOwner leaves copies to the user of this program.
	KeepOwner = -1
)

// tree copies one directory, or only reads it.
type tree struct {
	ctx     context.Context
	terms   terms
	to      *os.Root // nil to copy nothing
	device  uint64
	entries []driver.BackupFile
}

// copyTree copies what is in the directory from into the empty directory to,
// which nobody else can write, and tells what it was. Everything in from may
// change meanwhile, by who wishes this program ill.
func copyTree(ctx context.Context, from, to string, o terms) ([]driver.BackupFile, error) {
	root, err := os.OpenRoot(to)
	if err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	defer root.Close() // synced below
	t := &tree{ctx: ctx, terms: o, to: root}
	if err := t.walk(from); err != nil {
		return nil, err
	}
	return t.entries, syncDir(to)
}

// readTree tells what is in the directory from, as copyTree does, and copies
// nothing.
func readTree(ctx context.Context, from string, o terms) ([]driver.BackupFile, error) {
	t := &tree{ctx: ctx, terms: o}
	err := t.walk(from)
	return t.entries, err
}

// walk goes through all that is in a directory.
func (t *tree) walk(from string) error {
	fd, err := unix.Open(from, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: from, Err: err}
	}
	top := os.NewFile(uintptr(fd), from)
	defer top.Close() // only read
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fmt.Errorf("look at %s: %w", from, err)
	}
	t.device = uint64(stat.Dev) //nolint:unconvert // not an uint64 on every system
	return t.dir(top, "", 1)
}

func refused(name, format string, args ...any) error {
	return errs.New(errs.FailedPrecondition, reasonRefused, "copy %.200q: %s", name, fmt.Sprintf(format, args...)).With("file", name)
}

// dir copies what is in an open directory whose copy is there.
func (t *tree) dir(from *os.File, at string, depth int) error {
	if depth > maxDepth {
		return refused(at, "it is more than %d directories deep", maxDepth)
	}
	for {
		names, err := from.Readdirnames(batch)
		for _, name := range names {
			if err := t.entry(from, name, path.Join(at, name), depth); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("copy %q: %w", at, err)
		}
	}
}

// entry copies one file or directory of an open directory.
func (t *tree) entry(from *os.File, name, full string, depth int) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if len(t.entries) >= t.terms.most {
		return refused(full, "there are more than %d files and directories", t.terms.most)
	}
	if !utf8.ValidString(name) {
		return refused(full, "its name is not UTF-8")
	}
	var stat unix.Stat_t
	if err := unix.Fstatat(int(from.Fd()), name, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("copy %q: %w", full, err)
	}
	kind := uint32(stat.Mode) & unix.S_IFMT //nolint:unconvert // not an uint32 on every system
	if kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return refused(full, "it is %s; only files and directories are kept", kindName(kind))
	}
	t.terms.at("open " + full)
	f, err := t.open(from, name, full, kind)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	if kind == unix.S_IFREG {
		return t.file(f, full)
	}
	if t.to == nil {
		t.entries = append(t.entries, driver.BackupFile{Path: full + "/"})
		return t.dir(f, full, depth+1)
	}
	if err := t.to.Mkdir(full, 0o700); err != nil {
		return fmt.Errorf("copy %q: %w", full, err)
	}
	t.entries = append(t.entries, driver.BackupFile{Path: full + "/"})
	if err := t.dir(f, full, depth+1); err != nil {
		return err
	}
	made, err := t.to.Open(full)
	if err != nil {
		return fmt.Errorf("copy %q: %w", full, err)
	}
	return t.finish(made, full)
}

// open opens what was just looked at, whatever it is by now, and looks at it
// again: what is refused here was made to be mistaken for something else.
func (t *tree) open(from *os.File, name, full string, kind uint32) (*os.File, error) {
	flags := unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	if kind == unix.S_IFDIR {
		flags |= unix.O_DIRECTORY
	}
	fd, err := unix.Openat(int(from.Fd()), name, flags, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ENXIO) {
		return nil, refused(full, "it is not what it was a moment ago")
	}
	if err != nil {
		return nil, fmt.Errorf("copy %q: %w", full, err)
	}
	f := os.NewFile(uintptr(fd), full)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, errors.Join(fmt.Errorf("copy %q: %w", full, err), f.Close())
	}
	why := ""
	switch hostile := t.terms.from != anyOwner; {
	case uint32(stat.Mode)&unix.S_IFMT != kind: //nolint:unconvert // not an uint32 on every system
		why = "it is not what it was a moment ago"
	case hostile && uint64(stat.Dev) != t.device: //nolint:unconvert // not an uint64 on every system
		why = "it is on another file system"
	case hostile && int(stat.Uid) != t.terms.from:
		why = fmt.Sprintf("it belongs to user %d, not to the stamp", stat.Uid)
	case hostile && kind == unix.S_IFREG && stat.Nlink != 1:
		why = "it has other names (hard links)"
	}
	if why != "" {
		return nil, errors.Join(refused(full, "%s", why), f.Close())
	}
	return f, nil
}

func kindName(kind uint32) string {
	switch kind {
	case unix.S_IFLNK:
		return "a symbolic link"
	case unix.S_IFIFO:
		return "a pipe"
	case unix.S_IFSOCK:
		return "a socket"
	}
	return "a device"
}
