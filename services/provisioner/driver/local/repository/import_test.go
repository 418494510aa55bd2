package repository

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// packed is a tar of these; a name that ends with a slash is a directory, and a
// text that begins with "-> " a link.
func packed(t *testing.T, files ...[2]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		head := &tar.Header{Name: f[0], Mode: 0o644, Size: int64(len(f[1])), Typeflag: tar.TypeReg}
		if strings.HasSuffix(f[0], "/") {
			head.Typeflag = tar.TypeDir
		}
		if to, is := strings.CutPrefix(f[1], "-> "); is {
			head.Typeflag, head.Linkname, head.Size, f[1] = tar.TypeSymlink, to, 0, ""
		}
		if err := w.WriteHeader(head); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func openImports(t *testing.T) (*Repository, driver.BackupRef) {
	t.Helper()
	r, err := Open(filepath.Join(t.TempDir(), "backups"))
	if err != nil {
		t.Fatal(err)
	}
	return r, driver.BackupRef{Tenant: "acme", UID: "import-x", ID: "import-1"}
}

func TestImport(t *testing.T) {
	r, of := openImports(t)
	kept, err := r.Import(t.Context(), of, nil, bytes.NewReader(packed(t, [2]string{"./"}, [2]string{"deep/er/dump", "tickets"}, [2]string{"empty/"}, [2]string{"note", ""})))
	if err != nil || kept.Files != 2 || kept.SizeBytes != 7 {
		t.Fatalf("import: %+v, %v", kept, err)
	}
	of.Digest = kept.Digest
	into := t.TempDir()
	if err := r.Fetch(t.Context(), of, into, KeepOwner); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(into, "deep", "er", "dump")); err != nil || string(text) != "tickets" {
		t.Errorf("what came back: %s, %v", text, err)
	}
	if err := r.Drop(t.Context(), of); err != nil {
		t.Error(err)
	}
	mustBeEmpty(t, r)
}

func mustBeEmpty(t *testing.T, r *Repository) {
	t.Helper()
	if left, err := os.ReadDir(r.dir); err != nil || len(left) > 0 {
		t.Errorf("left in the repository: %v, %v", left, err)
	}
}

func TestImportRefused(t *testing.T) {
	whole := packed(t, [2]string{"dump", strings.Repeat("tickets", 1000)})
	gone := errors.New("the digest differs")
	for name, tc := range map[string]struct {
		tar    io.Reader
		reason string
	}{
		"outside":      {bytes.NewReader(packed(t, [2]string{"../dump", "x"})), "IMPORT_REFUSED"},
		"absolute":     {bytes.NewReader(packed(t, [2]string{"/etc/dump", "x"})), "IMPORT_REFUSED"},
		"link":         {bytes.NewReader(packed(t, [2]string{"dump", "-> /etc/passwd"})), "IMPORT_REFUSED"},
		"twice":        {bytes.NewReader(packed(t, [2]string{"dump", "x"}, [2]string{"dump", "y"})), "IMPORT_REFUSED"},
		"below a file": {bytes.NewReader(packed(t, [2]string{"dump", "x"}, [2]string{"dump/y", "y"})), "IMPORT_REFUSED"},
		"too deep":     {bytes.NewReader(packed(t, [2]string{strings.Repeat("d/", 70) + "dump", "x"})), "IMPORT_REFUSED"},
		"cut off":      {bytes.NewReader(whole[:3000]), "IMPORT_REFUSED"},
		"no end":       {bytes.NewReader(whole[:len(whole)-1024]), "IMPORT_REFUSED"},
		"half an end":  {bytes.NewReader(whole[:len(whole)-512]), "IMPORT_REFUSED"},
		"line break":   {bytes.NewReader(packed(t, [2]string{"dump\nforged", "x"})), "IMPORT_REFUSED"},
		"escape":       {bytes.NewReader(packed(t, [2]string{"dump\x1b[2J", "x"})), "IMPORT_REFUSED"},
		"directory":    {bytes.NewReader(packed(t, [2]string{"d\u0085/", ""})), "IMPORT_REFUSED"},
		"long name":    {bytes.NewReader(packed(t, [2]string{strings.Repeat("n", 256), "x"})), "IMPORT_REFUSED"},
		"4 EiB":        {bytes.NewReader(claims(t, &tar.Header{Name: "dump", Size: 1 << 62, Format: tar.FormatGNU})), "DISK_FULL"},
		"sparse":       {bytes.NewReader(holes(t)), "IMPORT_REFUSED"},
		"no tar":       {strings.NewReader(strings.Repeat("no tar at all ", 100)), "IMPORT_REFUSED"},
		"nothing":      {bytes.NewReader(packed(t)), "BACKUP_EMPTY"},
		"another sum":  {io.MultiReader(bytes.NewReader(whole), failing{gone}), ""},
	} {
		r, of := openImports(t)
		_, err := r.Import(t.Context(), of, nil, tc.tar)
		if err == nil || tc.reason != "" && errs.ReasonOf(err) != tc.reason || tc.reason == "" && !errors.Is(err, gone) {
			t.Errorf("%s: %v, want %s", name, err, tc.reason)
		}
		mustBeEmpty(t, r)
	}
}

// claims is a tar that ends after a header.
func claims(t *testing.T, head *tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := tar.NewWriter(&out).WriteHeader(head); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// holes is a tar of one file of 300 MB that has nothing in it (GNU, format 1.0).
func holes(t *testing.T) []byte {
	t.Helper()
	text := packed(t, [2]string{"PaxHeaders/dump", record("GNU.sparse.major=1") + record("GNU.sparse.minor=0") +
		record("GNU.sparse.name=dump") + record("GNU.sparse.realsize=300000000")}, [2]string{"dump", "1\n300000000\n0\n" + strings.Repeat("\x00", 512-14)})
	text[156] = tar.TypeXHeader
	sum := 0
	copy(text[148:156], "        ")
	for _, b := range text[:512] {
		sum += int(b)
	}
	copy(text[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return text
}

// record is one of a PAX header: it begins with its own length.
func record(text string) string {
	return fmt.Sprintf("%d %s\n", len(text)+4, text)
}

// TestDropDuringImport: who drops what still comes in does not wait for it.
func TestDropDuringImport(t *testing.T) {
	r, of := openImports(t)
	whole := packed(t, [2]string{"dump", "tickets"})
	from, to := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := r.Import(t.Context(), of, nil, from)
		ended <- err
	}()
	if _, err := to.Write(whole[:600]); err != nil { // it is being received
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := r.Drop(soon, of); err != nil {
		t.Errorf("drop: %v", err)
	}
	go func() { _, _ = to.Write(whole[600:]); _ = to.Close() }()
	if err := <-ended; errs.ReasonOf(err) != "BACKUP_DROPPED" {
		t.Errorf("import: %v", err)
	}
	mustBeEmpty(t, r)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestImportCutShort: a crash leaves no backup, and what it leaves is dropped.
func TestImportCutShort(t *testing.T) {
	for _, point := range []string{"made", "copied", "written"} {
		r, of := openImports(t)
		r.at = func(at string) {
			if at == point {
				panic(point) // as a kill would
			}
		}
		func() {
			defer func() { _ = recover() }()
			_, _ = r.Import(t.Context(), of, nil, bytes.NewReader(packed(t, [2]string{"dump", "x"})))
		}()
		next, err := Open(r.dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := next.read(of); !errors.Is(err, driver.ErrBackupMissing) {
			t.Errorf("%s: a backup is there: %v", point, err)
		}
		if left, _ := os.ReadDir(r.dir); len(left) == 0 {
			t.Errorf("%s: nothing is left, so this proves nothing", point)
		}
		if err := next.Drop(t.Context(), of); err != nil {
			t.Error(err)
		}
		mustBeEmpty(t, next)
	}
}

// TestImportListed: with the tenant's own, whatever uid these are kept under.
func TestImportListed(t *testing.T) {
	r, of := openImports(t)
	note := json.RawMessage(`{"reason":"IMPORTED"}`)
	kept, err := r.Import(t.Context(), of, note, bytes.NewReader(packed(t, [2]string{"dump", "tickets"})))
	if err != nil {
		t.Fatal(err)
	}
	all, err := r.List(t.Context(), "acme", "uid-1")
	if err != nil || len(all) != 1 || all[0].UID != of.UID || all[0].ID != of.ID || all[0].Kept != kept || string(all[0].Note) != string(note) {
		t.Errorf("listed %+v, %v", all, err)
	}
	if others, err := r.List(t.Context(), "acm", "uid-1"); err != nil || len(others) != 0 {
		t.Errorf("of another tenant: %+v, %v", others, err)
	}
}
