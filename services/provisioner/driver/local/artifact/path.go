package artifact

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"stampworks.dev/pkg/errs"
)

// openPath opens a file of this machine for whoever may publish a blueprint.
// They are not to read with it what only we can: it must lie below one of the
// roots, whatever links say, and every user of the machine must be able to
// read it.
func (s *Store) openPath(path string) (io.ReadCloser, int64, error) {
	if !filepath.IsAbs(path) {
		return nil, 0, errs.New(errs.InvalidArgument, "ARTIFACT_UNAVAILABLE", "fetch artifact %q: want a URL or an absolute path", path)
	}
	root, rest, has := s.below(path)
	if !has {
		return nil, 0, s.outside(path)
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, 0, fmt.Errorf("open artifact root: %w", err)
	}
	defer func() { _ = dir.Close() }() // only read
	// A pipe or a device must not hold us up before we see what it is.
	f, err := dir.OpenFile(rest, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, errs.New(errs.FailedPrecondition, "ARTIFACT_UNAVAILABLE", "fetch artifact: %w", err).With("source", path)
	}
	size, why := readableByAll(dir, rest, f)
	if why != "" {
		_ = f.Close() // only opened
		return nil, 0, errs.New(errs.FailedPrecondition, "ARTIFACT_PATH_REFUSED", "fetch artifact %s: %s", path, why).With("source", path)
	}
	return f, size, nil
}

// below finds the root that a path is in, and its name there.
func (s *Store) below(path string) (root, rest string, has bool) {
	path = filepath.Clean(path)
	if found, err := filepath.EvalSymlinks(path); err == nil {
		path = found
	}
	for _, root := range s.roots {
		if found, err := filepath.EvalSymlinks(root); err == nil {
			root = found
		}
		if rest, err := filepath.Rel(root, path); err == nil && rest != "." && filepath.IsLocal(rest) {
			return root, rest, true
		}
	}
	return "", "", false
}

// outside says the same whether there is such a file or not.
func (s *Store) outside(path string) error {
	where := "this cell takes no files of its machine; put it on a web server, or set cell.artifact_roots of the provisioner"
	if len(s.roots) > 0 {
		where = fmt.Sprintf("it is not below one of %s; put it there, or add its folder to cell.artifact_roots of the provisioner (stamp dev: --artifacts)",
			strings.Join(s.roots, ", "))
	}
	return errs.New(errs.FailedPrecondition, "ARTIFACT_PATH_REFUSED", "fetch artifact %s: %s", path, where).With("source", path)
}

// readableByAll gives the size of a regular file that every user can read, or
// why it is none.
func readableByAll(dir *os.Root, rest string, f *os.File) (size int64, why string) {
	info, err := f.Stat()
	switch {
	case err != nil:
		return 0, err.Error()
	case !info.Mode().IsRegular():
		return 0, "it is not a regular file"
	case info.Mode().Perm()&0o004 == 0:
		return 0, "not every user can read it; chmod a+r if it is no secret"
	}
	for at := filepath.Dir(rest); at != "."; at = filepath.Dir(at) {
		info, err := dir.Stat(at)
		if err != nil || info.Mode().Perm()&fs.FileMode(0o001) == 0 {
			return 0, fmt.Sprintf("not every user can reach it through %s; chmod a+x if it is no secret", at)
		}
	}
	return info.Size(), ""
}
