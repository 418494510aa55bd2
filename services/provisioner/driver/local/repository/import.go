package repository

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// importToken is that of parts of imports, which no stamp guards.
const importToken = 0

// Import keeps the files of a tar. Its tenant and uid are those of no other
// backup. Nothing is locked while the tar comes in, which can take hours: who
// drops the backup meanwhile does not wait, and ends the import.
func (r *Repository) Import(ctx context.Context, of driver.BackupRef, note json.RawMessage, from io.Reader) (driver.Kept, error) {
	var part string
	err := r.alone(ctx, of, func() (err error) {
		part, err = r.makePart(of, importToken)
		return err
	})
	if err != nil {
		return driver.Kept{}, err
	}
	r.at("made")
	kept, err := r.unpack(ctx, part, manifest{Version: version, Tenant: of.Tenant, UID: of.UID, ID: of.ID, Note: note}, from)
	if err == nil {
		r.at("written")
		err = r.alone(ctx, of, func() error { return r.publish(part, of) })
	}
	if err != nil {
		if _, gone := os.Lstat(part); errors.Is(gone, fs.ErrNotExist) {
			err = errs.New(errs.Conflict, "BACKUP_DROPPED", "import backup %q of %q: it was removed while it came in; import it again if it is still wanted", of.ID, of.Tenant).Because(err)
		}
		err = errors.Join(full(of, err), os.RemoveAll(part))
		_ = os.Remove(r.tenant(of)) // nothing else is in it
		return driver.Kept{}, err
	}
	return kept, nil
}

// alone does it under the lock.
func (r *Repository) alone(ctx context.Context, of driver.BackupRef, do func() error) error {
	unlock, err := r.lock(ctx, of)
	if err != nil {
		return err
	}
	defer unlock()
	return do()
}

// full names a full disk as such.
func full(of driver.BackupRef, err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return errs.New(errs.ResourceExhausted, "DISK_FULL", "import backup %q of %q: the disk of the backups has no room for it: make room, or choose another cell: %w", of.ID, of.Tenant, err)
	}
	return err
}

// unpack writes the whole backup into the part, onto the disk.
func (r *Repository) unpack(ctx context.Context, part string, m manifest, from io.Reader) (driver.Kept, error) {
	files := filepath.Join(part, "files")
	if err := os.Mkdir(files, 0o700); err != nil {
		return driver.Kept{}, fmt.Errorf("import backup: %w", err)
	}
	root, err := os.OpenRoot(files)
	if err != nil {
		return driver.Kept{}, fmt.Errorf("import backup: %w", err)
	}
	defer func() { _ = root.Close() }() // all of its files are closed
	p := &unpacking{tree: tree{ctx: ctx, to: root, terms: terms{to: KeepOwner, most: r.most, at: r.at}}, made: map[string]bool{".": true}}
	if err := p.all(from); err != nil {
		return driver.Kept{}, fmt.Errorf("import backup: %w", err)
	}
	r.at("copied")
	kept := driver.KeptOf(p.entries)
	if kept.Files == 0 {
		return kept, errs.New(errs.InvalidArgument, "BACKUP_EMPTY", "import backup %q of %q: the tar has no file", m.ID, m.Tenant)
	}
	m.Kept, m.Entries = kept, p.entries
	if err := m.write(part); err != nil {
		return kept, fmt.Errorf("import backup: %w", err)
	}
	return kept, syncDir(part)
}

// unpacking is a tar that becomes a tree.
type unpacking struct {
	tree
	made map[string]bool // directories that are there
}

func (p *unpacking) all(from io.Reader) error {
	end := &driver.TarEnd{From: &reader{p.ctx, from}}
	in := tar.NewReader(end)
	for {
		head, err := in.Next()
		if errors.Is(err, io.EOF) {
			if end.Seen { // before the two empty blocks that a whole tar ends with
				return p.refuse("it has no end, so it was cut off")
			}
			_, err = io.Copy(io.Discard, from) // who sends says at the end whether all is well
			return errors.Join(err, p.last())
		}
		if err != nil {
			return p.broken(err)
		}
		name := path.Clean(strings.TrimSuffix(head.Name, "/"))
		if !utf8.ValidString(name) {
			return p.refuse("%q is not UTF-8", head.Name)
		}
		if strings.ContainsFunc(name, unicode.IsControl) { // it would steer the terminal of whoever sees it
			return p.refuse("%q has a control character", head.Name)
		}
		if !filepath.IsLocal(name) || strings.Count(name, "/") >= maxDepth || len(p.entries) >= p.terms.most {
			return p.refuse("%q is outside of it, too deep, or one too many", head.Name)
		}
		if sparse(head) {
			return p.refuse("%q is a sparse file: pack it without --sparse", head.Name)
		}
		switch head.Typeflag {
		case tar.TypeDir:
			err = p.directory(name)
		case tar.TypeReg:
			if err = p.directory(path.Dir(name)); err == nil {
				err = p.write(in, name, head.Size)
			}
		default:
			err = p.refuse("%q is neither a file nor a directory", head.Name)
		}
		if err != nil {
			return err
		}
	}
}

// sparse says whether the file has holes, which a tar of a few bytes can have
// many of.
func sparse(head *tar.Header) bool {
	for key := range head.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return head.Typeflag == tar.TypeGNUSparse
}

// directory makes one, and those above it.
func (p *unpacking) directory(name string) error {
	if p.made[name] {
		return nil
	}
	if err := p.directory(path.Dir(name)); err != nil {
		return err
	}
	if err := p.to.Mkdir(name, 0o700); err != nil {
		return p.taken(name, err)
	}
	p.made[name] = true
	p.entries = append(p.entries, driver.BackupFile{Path: name + "/"})
	return nil
}

func (p *unpacking) write(in io.Reader, name string, size int64) error {
	if err := p.room(size, name); err != nil {
		return err
	}
	out, err := p.to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return p.taken(name, err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), in)
	if err != nil {
		return errors.Join(p.broken(err), out.Close())
	}
	p.entries = append(p.entries, driver.BackupFile{Path: name, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))})
	return p.finish(out, name)
}

// last makes the names of what was made last.
func (p *unpacking) last() error {
	for dir := range p.made {
		f, err := p.to.Open(dir)
		if err == nil {
			err = errors.Join(f.Sync(), f.Close())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// taken is for names that cannot be made: those that are there already, of a tar
// that has one twice, and those that are too long.
func (p *unpacking) taken(name string, err error) error {
	if errors.Is(err, os.ErrExist) || errors.Is(err, unix.ENOTDIR) {
		return p.refuse("%q is in it twice", name)
	}
	if errors.Is(err, unix.ENAMETOOLONG) {
		return p.refuse("%.60q… is too long a name", name)
	}
	return err
}

// broken tells a bad tar from a caller that is gone and a full disk.
func (p *unpacking) broken(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		return p.refuse("%w", err)
	}
	return err
}

func (p *unpacking) refuse(format string, args ...any) error {
	return errs.New(errs.InvalidArgument, "IMPORT_REFUSED", "%w: %w", driver.ErrNoTar, fmt.Errorf(format, args...))
}
