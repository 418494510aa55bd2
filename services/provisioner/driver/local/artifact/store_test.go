package artifact

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

type entry struct{ name, text, link string }

func tarGz(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	w := tar.NewWriter(packed)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o755, Size: int64(len(e.text)), Typeflag: tar.TypeReg}
		if e.link != "" {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, e.link, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if e.link == "" {
			if _, err := w.Write([]byte(e.text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zipped(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range entries {
		f, err := w.Create(e.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func save(t *testing.T, name string, data []byte) (path, digest string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return path, hex.EncodeToString(sum[:])
}

func store(t *testing.T) *Store {
	t.Helper()
	s, err := Open(Config{
		Dir: filepath.Join(t.TempDir(), "artifacts"), Roots: []string{filepath.Dir(t.TempDir())}, PrivateAddresses: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.AskThrough(self)
	return s
}

func TestArchives(t *testing.T) {
	files := []entry{{name: "desk-1.0/bin/desk", text: "program"}, {name: "desk-1.0/readme", text: "words"}}
	for name, data := range map[string][]byte{"desk.tar.gz": tarGz(t, files...), "desk.tgz": tarGz(t, files...), "desk.zip": zipped(t, files...)} {
		path, digest := save(t, name, data)
		r, err := store(t).Resolve(t.Context(), "desk", driver.Artifact{Archive: path, SHA256: digest})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, err := os.ReadFile(filepath.Join(r.Dir, "bin", "desk"))
		if err != nil || string(text) != "program" || filepath.Base(r.Dir) != "desk-1.0" || r.Digest != "sha256:"+digest {
			t.Errorf("%s: %q, %v in %+v", name, text, err, r)
		}
	}
}

func TestEvilArchivesStayInside(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	for name, data := range map[string][]byte{
		"up.tar.gz":        tarGz(t, entry{name: "../x", text: "x"}),
		"absolute.tar.gz":  tarGz(t, entry{name: outside, text: "x"}),
		"link.tar.gz":      tarGz(t, entry{name: "out", link: filepath.Dir(outside)}, entry{name: "out/outside", text: "x"}),
		"uplink.tar.gz":    tarGz(t, entry{name: "a/out", link: "../../.."}),
		"through.tar.gz":   tarGz(t, entry{name: "a", link: "b"}, entry{name: "b", link: "."}, entry{name: "a/../../x", text: "x"}),
		"lexical.tar.gz":   tarGz(t, entry{name: "l", link: "."}, entry{name: "l/l/l/x", link: "../../../y"}),
		"target.tar.gz":    tarGz(t, entry{name: "p/q/a", link: "../.."}, entry{name: "p/q/x", link: "a/../y"}),
		"later.tar.gz":     tarGz(t, entry{name: "p/q/x", link: "a/../y"}, entry{name: "p/q/a", link: "../.."}),
		"loop.tar.gz":      tarGz(t, entry{name: "a", link: "b"}, entry{name: "b", link: "a"}),
		"twice.tar.gz":     tarGz(t, entry{name: "x", text: "1"}, entry{name: "x", text: "2"}),
		"up.zip":           zipped(t, entry{name: "../x", text: "x"}),
		"backslash.zip":    zipped(t, entry{name: `..\x`, text: "x"}),
		"unknown.rar":      []byte("?"),
		"nogzip.tar.gz":    []byte("plain"),
		"truncated.tar.gz": tarGz(t, entry{name: "x", text: strings.Repeat("x", 10000)})[:40],
	} {
		path, digest := save(t, name, data)
		s := store(t)
		if r, err := s.Resolve(t.Context(), "evil", driver.Artifact{Archive: path, SHA256: digest}); err == nil {
			t.Errorf("%s was unpacked to %+v", name, r)
		}
		if _, err := os.Stat(outside); err == nil {
			t.Errorf("%s wrote outside", name)
		}
		if left, err := os.ReadDir(s.dir); err != nil || len(left) != 0 {
			t.Errorf("%s left %v, %v", name, left, err)
		}
	}
}

func TestLinksWithinTheArchive(t *testing.T) {
	path, digest := save(t, "desk.tar.gz", tarGz(t,
		entry{name: "lib/desk-1", text: "program"}, entry{name: "bin/desk", link: "../lib/current"},
		entry{name: "lib/current", link: "desk-1"}, entry{name: "lib64", link: "lib"}, entry{name: "bin/desk64", link: "../lib64/desk-1"},
		entry{name: "dangling", link: "nosuch"}))
	r, err := store(t).Resolve(t.Context(), "desk", driver.Artifact{Archive: path, SHA256: digest})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"desk", "desk64"} {
		if text, err := os.ReadFile(filepath.Join(r.Dir, "bin", name)); err != nil || string(text) != "program" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func TestDigestMismatch(t *testing.T) {
	path, digest := save(t, "desk", []byte("program"))
	_, err := store(t).Resolve(t.Context(), "desk", driver.Artifact{File: path, SHA256: strings.Repeat("0", 64)})
	if !errs.Is(err, errs.FailedPrecondition) || errs.ReasonOf(err) != "ARTIFACT_DIGEST_MISMATCH" {
		t.Errorf("Resolve = %v, want ARTIFACT_DIGEST_MISMATCH", err)
	}
	if e, ok := errs.As(err); !ok || strings.Contains(fmt.Sprint(e.Message, e.Metadata), digest) {
		t.Errorf("it tells what the file's digest is: %v, %v", err, e.Metadata)
	}
	if _, err := store(t).Resolve(t.Context(), "desk", driver.Artifact{File: path}); errs.ReasonOf(err) != "ARTIFACT_DIGEST_MISSING" {
		t.Errorf("Resolve without a digest = %v", err)
	}
	if _, err := store(t).Resolve(t.Context(), "desk", driver.Artifact{Image: "x"}); errs.ReasonOf(err) != "ARTIFACT_NOT_LOCAL" {
		t.Errorf("Resolve of an image = %v", err)
	}
}

func TestFetchedOnce(t *testing.T) {
	data := []byte("program")
	_, digest := save(t, "desk", data)
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write(data)
	}))
	defer server.Close()
	s := store(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			r, err := s.Resolve(t.Context(), "desk", driver.Artifact{File: server.URL + "/desk", SHA256: digest})
			if err != nil {
				t.Error(err)
				return
			}
			info, err := os.Stat(filepath.Join(r.Dir, "desk"))
			if err != nil || info.Mode().Perm() != 0o555 {
				t.Errorf("program: %v, %v", info, err)
			}
		})
	}
	all.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("fetched %d times, want once", n)
	}
	server.Close()
	if _, err := s.Resolve(t.Context(), "other", driver.Artifact{File: server.URL, SHA256: digest}); !errs.Is(err, errs.Unavailable) {
		t.Errorf("Resolve with the server gone = %v, want Unavailable", err)
	}
}

// fakeProgram puts a program that says its version into a directory of PATH.
func fakeProgram(t *testing.T, dir, name, version string) {
	t.Helper()
	text := "#!/bin/sh\necho '" + name + " (Fake) " + version + " (Test)'\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestHostPrograms(t *testing.T) {
	old, current := t.TempDir(), t.TempDir()
	fakeProgram(t, old, "deskdb", "14.9")
	fakeProgram(t, current, "deskdb", "15.18")
	t.Setenv("PATH", old+":"+current+":"+os.Getenv("PATH"))
	s := store(t)
	r, err := s.Resolve(t.Context(), "db", driver.Artifact{Host: "deskdb", Version: ">=15 <16"})
	if err != nil || r.Dir != current || r.Version != "15.18" {
		t.Errorf("found %+v, %v", r, err)
	}
	if r, err := s.Resolve(t.Context(), "db", driver.Artifact{Host: "deskdb"}); err != nil || r.Dir != old {
		t.Errorf("any version: found %+v, %v, want the first of PATH", r, err)
	}
	_, err = s.Resolve(t.Context(), "db", driver.Artifact{Host: "deskdb", Version: ">=16"})
	if errs.ReasonOf(err) != "PROGRAM_MISSING" || !strings.Contains(err.Error(), "15.18") {
		t.Errorf("newer version = %v, want PROGRAM_MISSING that tells what there is", err)
	}
	if _, err := s.Resolve(t.Context(), "db", driver.Artifact{Host: "nosuchprogram"}); errs.ReasonOf(err) != "PROGRAM_MISSING" {
		t.Errorf("missing program = %v", err)
	}
	if _, err := s.Resolve(t.Context(), "db", driver.Artifact{Host: "../bin/sh"}); !errs.Is(err, errs.InvalidArgument) {
		t.Errorf("program with a path = %v", err)
	}
	if found := s.Programs(t.Context(), []string{"deskdb", "nosuchprogram"}); len(found) != 1 || found["deskdb"] != "14.9" {
		t.Errorf("Programs = %v", found)
	}
}

// mustStayInside asks the kernel where links lead.
func mustStayInside(t *testing.T, dir string, links []string) {
	t.Helper()
	for _, name := range links {
		to, err := filepath.EvalSymlinks(filepath.Join(dir, name))
		if err == nil && to != dir && !strings.HasPrefix(to, dir+"/") {
			t.Errorf("link %q leads to %s", name, to)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add("a/b", "c", "../x")
	f.Fuzz(func(t *testing.T, one, two, link string) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "in")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		tr := &tree{root: root, left: 1 << 20}
		_ = tr.link(one, link)
		_ = tr.file(two, 0o644, strings.NewReader("x"))
		_ = tr.link(one+"/"+two+"/x", link)
		_ = tr.file(one+"/"+two, 0o644, strings.NewReader("x"))
		if tr.checkLinks() == nil {
			mustStayInside(t, dir, tr.links)
		}
		if err := root.Close(); err != nil {
			t.Fatal(err)
		}
		if beside, err := os.ReadDir(parent); err != nil || len(beside) != 1 {
			t.Errorf("wrote outside: %v, %v", beside, err)
		}
	})
}
