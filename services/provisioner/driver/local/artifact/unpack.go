package artifact

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"stampworks.dev/pkg/errs"
)

// mostEntries bounds what an archive may hold.
const mostEntries = 200_000

// tree is where an archive goes. Writing through os.Root keeps every entry
// inside, whatever its name or the links before it say.
type tree struct {
	root    *os.Root
	left    int64 // bytes that may still be written
	entries int
	links   []string
}

// unpack unpacks a .tar.gz or .zip into dir.
func unpack(dir, fetched, source string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	t := &tree{root: root, left: mostBytes}
	switch {
	case strings.HasSuffix(source, ".tar.gz"), strings.HasSuffix(source, ".tgz"):
		err = t.tarGz(fetched)
	case strings.HasSuffix(source, ".zip"):
		err = t.zip(fetched)
	default:
		err = errs.New(errs.InvalidArgument, "ARTIFACT_FORMAT", "the name must end in .tar.gz, .tgz or .zip")
	}
	if err == nil {
		err = t.checkLinks()
	}
	return errors.Join(ofArchive(err), root.Close())
}

// ofArchive gives an error its reason when the archive is to blame, not the disk
// to which it goes.
func ofArchive(err error) error {
	var number syscall.Errno
	var told *errs.Error
	if err == nil || errors.As(err, &told) || errors.As(err, &number) && !slices.Contains(ofNames, number) {
		return err
	}
	return errs.New(errs.InvalidArgument, "ARTIFACT_FORMAT", "%w", err)
}

// ofNames are what the kernel says about the names in an archive.
var ofNames = []syscall.Errno{
	syscall.EEXIST, syscall.ENOENT, syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.EINVAL,
}

func (t *tree) tarGz(fetched string) error {
	f, err := os.Open(fetched)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	plain, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	archive := tar.NewReader(plain)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch header.Typeflag {
		case tar.TypeDir:
			err = t.dir(header.Name)
		case tar.TypeReg:
			err = t.file(header.Name, header.FileInfo().Mode(), archive)
		case tar.TypeSymlink:
			err = t.link(header.Name, header.Linkname)
		case tar.TypeXGlobalHeader:
		default:
			err = fmt.Errorf("entry %q: only files, directories and links are unpacked", header.Name)
		}
		if err != nil {
			return err
		}
	}
}

func (t *tree) zip(fetched string) error {
	archive, err := zip.OpenReader(fetched)
	if err != nil {
		return err
	}
	defer func() { _ = archive.Close() }() // only read
	for _, entry := range archive.File {
		if err := t.zipEntry(entry); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) zipEntry(entry *zip.File) error {
	mode := entry.Mode()
	if mode.IsDir() {
		return t.dir(entry.Name)
	}
	in, err := entry.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	if mode&fs.ModeSymlink != 0 {
		target, err := io.ReadAll(io.LimitReader(in, 4096))
		if err != nil {
			return err
		}
		return t.link(entry.Name, string(target))
	}
	if !mode.IsRegular() {
		return fmt.Errorf("entry %q: only files, directories and links are unpacked", entry.Name)
	}
	return t.file(entry.Name, mode, in)
}

// name cleans an entry's name and refuses one that would leave the tree.
func (t *tree) name(raw string) (string, error) {
	if t.entries++; t.entries > mostEntries {
		return "", fmt.Errorf("more than %d entries", mostEntries)
	}
	name := filepath.FromSlash(path.Clean(raw))
	if !filepath.IsLocal(name) || strings.Contains(raw, "\\") {
		return "", fmt.Errorf("entry %q: it would be outside of the artifact", raw)
	}
	return name, nil
}

func (t *tree) dir(raw string) error {
	name, err := t.name(raw)
	if err != nil || name == "." {
		return err
	}
	return t.makeDirs(name)
}

// makeDirs makes them passable for every user, whatever the umask is.
func (t *tree) makeDirs(name string) error {
	at := ""
	for part := range strings.SplitSeq(filepath.ToSlash(name), "/") {
		at = filepath.Join(at, part)
		err := t.root.Mkdir(at, 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = t.root.Chmod(at, 0o755)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) file(raw string, mode fs.FileMode, in io.Reader) error {
	name, err := t.name(raw)
	if err != nil {
		return err
	}
	if err := t.makeDirs(filepath.Dir(name)); err != nil {
		return err
	}
	out, err := t.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, io.LimitReader(in, t.left+1))
	t.left -= n
	if err == nil && t.left < 0 {
		err = errs.New(errs.TooLarge, "ARTIFACT_TOO_LARGE", "it unpacks to more than %d bytes", int64(mostBytes))
	}
	readable := fs.FileMode(0o444)
	if mode&0o111 != 0 {
		readable = 0o555
	}
	return errors.Join(err, out.Chmod(readable), out.Close())
}

// link makes a symbolic link whose words stay inside. Where it leads is checked
// when all is there: the words may go through other links.
func (t *tree) link(raw, target string) error {
	name, err := t.name(raw)
	if err != nil {
		return err
	}
	if path.IsAbs(target) || !filepath.IsLocal(filepath.Join(filepath.Dir(name), filepath.FromSlash(target))) {
		return fmt.Errorf("link %q to %q: it would be outside of the artifact", raw, target)
	}
	if err := t.makeDirs(filepath.Dir(name)); err != nil {
		return err
	}
	t.links = append(t.links, name)
	return t.root.Symlink(target, name)
}

// checkLinks follows every link as the kernel would, and refuses one that leads
// out of the tree. Nothing is changed in it afterwards, so one that leads to
// nothing will do so for ever.
func (t *tree) checkLinks() error {
	for _, name := range t.links {
		if _, err := t.root.Stat(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("link %q: %w", name, err)
		}
	}
	return nil
}
