package lockfile

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// open opens the file of a lock, which is made when it is missing. It is the
// caller's own and nobody else can open it: who can, can lock it, too. What is
// no such file, a link among them, is refused. The directory must not be
// writable by others.
func open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600) //nolint:gosec // the caller's own directory
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = own(info, 0o077)
	}
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a plain file")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w; look who made it, and remove it", path, err), f.Close())
	}
	return f, nil
}

// Dir makes a directory for locks, or makes sure of one that is there: a
// directory, the caller's, and not writable by others.
func Dir(path string) error {
	err := os.Mkdir(path, 0o700)
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w; its parent must be there and be writable", err)
	}
	info, err := os.Lstat(path)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a directory")
	}
	if err == nil {
		err = own(info, 0o022)
	}
	if err != nil {
		return fmt.Errorf("use %s for locks: %w; look who made it, and remove it", path, err)
	}
	return nil
}

// Own makes sure that what is in a directory is the caller's: it is his, and
// writable by nobody else but its group, which may be his alone. A link to one is
// fine.
func Own(path string) error {
	info, err := os.Stat(path)
	if err == nil {
		err = own(info, 0o002)
	}
	if err != nil {
		return fmt.Errorf("use %s: %w; look who made it, and what is in it", path, err)
	}
	return nil
}

// own wants what is there to be the caller's, and none of the bits to be set.
func own(info os.FileInfo, none os.FileMode) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d", stat.Uid)
	}
	if info.Mode().Perm()&none != 0 {
		return fmt.Errorf("its mode %o lets others in", info.Mode().Perm())
	}
	return nil
}
