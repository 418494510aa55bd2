// Package dump reads what a product was saved to, a file or a directory, as one
// tar that is the same each time.
package dump

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Dump is a file or a directory.
type Dump struct {
	path string
	as   string // of a file: its name in the tar
	dir  bool
}

// Open looks at what is there. As is the name that a file gets; empty is its own.
func Open(path, as string) (*Dump, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir() && as != "":
		return nil, errors.New("a directory gets no other name: leave --as out")
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil, errors.New("want a file or a directory")
	case strings.ContainsAny(as, `/\`):
		return nil, fmt.Errorf("--as %s: want a plain name", as)
	case as == "":
		as = filepath.Base(path)
	}
	return &Dump{path: path, as: as, dir: info.IsDir()}, nil
}

// Directory says whether it is one: then the files have their own names.
func (d *Dump) Directory() bool { return d.dir }

// WriteTo writes the tar. It holds names, sizes and contents, nothing else.
func (d *Dump) WriteTo(w io.Writer) (int64, error) {
	count := &counter{w: w}
	out := tar.NewWriter(count)
	err := d.write(out)
	return count.n, errors.Join(err, closed(out, err))
}

func closed(out *tar.Writer, err error) error {
	if err != nil {
		return nil // it is not whole anyway
	}
	return out.Close()
}

func (d *Dump) write(out *tar.Writer) error {
	if !d.dir {
		return add(out, d.path, d.as)
	}
	return filepath.WalkDir(d.path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(d.path, path)
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case entry.IsDir():
			return out.WriteHeader(&tar.Header{Name: filepath.ToSlash(name) + "/", Typeflag: tar.TypeDir, Mode: 0o700, ModTime: time.Unix(0, 0)})
		case !entry.Type().IsRegular():
			return fmt.Errorf("%s is neither a file nor a directory: leave it out", path)
		}
		return add(out, path, filepath.ToSlash(name))
	})
}

func add(out *tar.Writer, path, name string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	head := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: info.Size(), ModTime: time.Unix(0, 0)}
	if err := out.WriteHeader(head); err != nil {
		return err
	}
	_, err = io.Copy(out, f)
	return err
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
