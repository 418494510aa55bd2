// Package layout is the directory of one stamp: what is where, whose it is,
// and who may hold its lock. Standard library only.
//
//	stamps/<tenant>/          root and the stamp's group, 0710
//	  manifest.json           0600: the supervisor's one input
//	  lock                    held by the running supervisor
//	  barred                  why none may run; see [Stamp.Bar]
//	  supervisor.log
//	  run/sock                0700: its control socket
//	  etc/passwd, etc/group   what its processes see in /etc
//	  jobs/<id>.json, .log    0700: results of jobs
//	  backup/                 the stamp's; replaced as a whole by
//	  .part-*/                0700, being made
//	  components/<c>/
//	    state.json, proc/     what was started
//	    files/<name>          0600, the stamp's, in a directory that is not
//	    volumes/<v>, tmp/     the stamp's
//	    log/current.log(.N)   the stamp's, in a directory that is not
//
// The stamp's user owns only leaves: in a directory that it could write, it
// could put a symbolic link where the supervisor, as root, writes next.
package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Stamp is the directory of one stamp.
type Stamp string

func (s Stamp) path(parts ...string) string {
	return filepath.Join(append([]string{string(s)}, parts...)...)
}

// Manifest is the file of the [control.Record].
func (s Stamp) Manifest() string { return s.path("manifest.json") }

// Lock is the file that the running supervisor holds.
func (s Stamp) Lock() string { return s.path("lock") }

// Run is the directory of the socket.
func (s Stamp) Run() string { return s.path("run") }

// SupervisorLog is where the supervisor says what it does.
func (s Stamp) SupervisorLog() string { return s.path("supervisor.log") }

// Etc is the directory of the private passwd and group.
func (s Stamp) Etc() string { return s.path("etc") }

// Jobs is the directory of results.
func (s Stamp) Jobs() string { return s.path("jobs") }

// Backup is where backup jobs write.
func (s Stamp) Backup() string { return s.path("backup") }

// Components is the directory of all components.
func (s Stamp) Components() string { return s.path("components") }

// Component is the directory of one component.
func (s Stamp) Component(name string) Component { return Component(s.path("components", name)) }

// Component is the directory of one component.
type Component string

func (c Component) path(parts ...string) string {
	return filepath.Join(append([]string{string(c)}, parts...)...)
}

// State is the file that says what was started.
func (c Component) State() string { return c.path("state.json") }

// Proc is the directory in which a starting process leaves its identity, in a
// file that has its nonce for a name.
func (c Component) Proc() string { return c.path("proc") }

// Files is the directory of rendered files.
func (c Component) Files() string { return c.path("files") }

// Tmp is the component's own /tmp.
func (c Component) Tmp() string { return c.path("tmp") }

// Volumes is the directory of all volumes.
func (c Component) Volumes() string { return c.path("volumes") }

// Volume is the directory of one volume.
func (c Component) Volume(name string) string { return c.path("volumes", name) }

// Log is the file that the component's processes write to.
func (c Component) Log() string { return c.path("log", "current.log") }

// Make makes the directories of a stamp that has them not yet. User is the
// stamp's user and group, zero when it has none of its own.
func (s Stamp) Make(user int) error {
	for _, dir := range []string{string(s), s.Components()} {
		if err := mkdir(dir, 0o710, 0, user); err != nil {
			return err
		}
	}
	for _, dir := range []string{s.Run(), s.Jobs()} {
		if err := mkdir(dir, 0o700, 0, 0); err != nil {
			return err
		}
	}
	if err := mkdir(s.Backup(), 0o700, user, user); err != nil {
		return err
	}
	return s.makeEtc(user)
}

// MakeComponent makes the directories of one component.
func (s Stamp) MakeComponent(name string, volumes []string, user int) error {
	c := s.Component(name)
	for _, dir := range []string{string(c), c.Files(), c.Volumes(), c.path("log")} {
		if err := mkdir(dir, 0o710, 0, user); err != nil {
			return err
		}
	}
	if err := mkdir(c.Proc(), 0o700, 0, 0); err != nil {
		return err
	}
	own := []string{c.Tmp()}
	for _, v := range volumes {
		own = append(own, c.Volume(v))
	}
	for _, dir := range own {
		if err := mkdir(dir, 0o700, user, user); err != nil {
			return err
		}
	}
	return nil
}

// KeepTmp makes the component's own /tmp again when it is gone: nothing in it is
// missed, and nothing starts without it. What is there is left as it is.
func (c Component) KeepTmp(user int) error {
	if _, err := os.Lstat(c.Tmp()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return mkdir(c.Tmp(), 0o700, user, user)
}

// makeEtc writes the users that the stamp's processes see: initdb asks for its
// own name, and dies when it has none.
func (s Stamp) makeEtc(user int) error {
	if err := mkdir(s.Etc(), 0o711, 0, 0); err != nil {
		return err
	}
	passwd := fmt.Sprintf("root:x:0:0:root:/root:/usr/sbin/nologin\nstamp:x:%d:%d:stamp:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n", user, user)
	if err := keepFile(filepath.Join(s.Etc(), "passwd"), passwd, 0o644); err != nil {
		return err
	}
	group := fmt.Sprintf("root:x:0:\nstamp:x:%d:\nnogroup:x:65534:\n", user)
	return keepFile(filepath.Join(s.Etc(), "group"), group, 0o644)
}

// keepFile writes a file unless it is there as it is to be. So a part of one is
// left only before the stamp has a supervisor, whose first clears it: it may be
// another's who comes second, and then the file is there.
func keepFile(path, text string, mode fs.FileMode) error {
	there := func() bool {
		got, err := os.ReadFile(path)
		return err == nil && string(got) == text
	}
	if there() {
		return os.Chmod(path, mode)
	}
	err := WriteFile(path, []byte(text), mode, 0)
	if errors.Is(err, fs.ErrNotExist) && there() {
		return nil
	}
	return err
}

// mkdir makes one directory whose parent is not the stamp's. One that is there
// is given its owner and mode: a crash may have come between.
func mkdir(dir string, mode fs.FileMode, user, group int) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err == nil && (user != 0 || group != 0) {
		err = os.Lchown(dir, user, group)
	}
	if err == nil {
		err = os.Chmod(dir, mode)
	}
	if err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	return nil
}

// PartPattern is how files are called while they are written.
const PartPattern = ".new-*"

// WriteFile replaces a file as a whole, so that a crash of the program leaves
// the old one or the new one. The parent must not be the stamp's.
func WriteFile(path string, data []byte, mode fs.FileMode, user int) error {
	return replace(path, data, mode, user, func(*os.File) error { return nil }, os.Rename)
}

// WriteDurable is WriteFile that a crash of the machine does not undo.
func WriteDurable(path string, data []byte, mode fs.FileMode) error {
	return replace(path, data, mode, 0, (*os.File).Sync, os.Rename)
}

// CreateDurable is WriteDurable for a file that is not there; one that is stays
// as it is, and the error is fs.ErrExist. Nobody sees a part of it, and no lock
// is held meanwhile.
func CreateDurable(path string, data []byte, mode fs.FileMode) error {
	return create(path, data, mode, (*os.File).Sync)
}

// create says that the file is there, too, when its own part was cleared
// meanwhile, by the supervisor of whoever was first.
func create(path string, data []byte, mode fs.FileMode, sync func(*os.File) error) error {
	return replace(path, data, mode, 0, sync, func(from, to string) error {
		err := os.Link(from, to)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if _, lost := os.Lstat(to); lost != nil {
			return err
		}
		return fs.ErrExist
	})
}

func replace(path string, data []byte, mode fs.FileMode, user int, sync func(*os.File) error, put func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), PartPattern)
	if err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode))
	if user != 0 {
		err = errors.Join(err, f.Chown(user, user))
	}
	err = errors.Join(err, sync(f), f.Close())
	if err == nil {
		err = put(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write file %s: %w", path, err)
	}
	return nil
}

// TryLock takes the stamp's lock. False when another process holds it. It is
// held until the file is closed.
func (s Stamp) TryLock() (*os.File, bool, error) {
	f, err := os.OpenFile(s.Lock(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("lock stamp: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, true, nil
	}
	err = errors.Join(err, f.Close())
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, false, nil
	}
	return nil, false, fmt.Errorf("lock stamp: %w", err)
}
