package layout

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestClearParts(t *testing.T) {
	s := Stamp(filepath.Join(t.TempDir(), "acme"))
	if err := s.ClearParts(); err != nil {
		t.Errorf("of no stamp: %v", err)
	}
	if err := errors.Join(s.Make(0), s.MakeComponent("db", []string{"data"}, 0)); err != nil {
		t.Fatal(err)
	}
	c := s.Component("db")
	parts := []string{filepath.Join(string(s), ".new-1"), filepath.Join(s.Etc(), ".new-0"), filepath.Join(s.Jobs(), ".new-22"), filepath.Join(string(c), ".new-3"), filepath.Join(c.Files(), ".new-4")}
	// What the stamp's own user writes is the stamp's, whatever it is called.
	kept := []string{s.Manifest(), filepath.Join(s.Jobs(), "j.json"), filepath.Join(c.Volume("data"), ".new-5"), filepath.Join(s.Backup(), ".new-6")}
	for _, file := range append(parts, kept...) {
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := s.ClearParts(); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range parts {
		if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", file, err)
		}
	}
	for _, file := range kept {
		if _, err := os.Lstat(file); err != nil {
			t.Errorf("cleared: %v", err)
		}
	}
}

// TestCreateAsItIsCleared: whoever comes second has its part cleared by the
// supervisor of the first, and is told that there is one.
func TestCreateAsItIsCleared(t *testing.T) {
	s := Stamp(t.TempDir())
	if err := CreateDurable(s.Manifest(), []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := create(s.Manifest(), []byte("second"), 0o600, func(*os.File) error { return s.ClearParts() })
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create = %v, want that it exists", err)
	}
}

// TestEtcIsWrittenOnce: to make sure of a stamp that is there writes nothing, so
// there is no part that its supervisor, which runs, would not clear.
func TestEtcIsWrittenOnce(t *testing.T) {
	s := Stamp(filepath.Join(t.TempDir(), "acme"))
	passwd := filepath.Join(s.Etc(), "passwd")
	look := func() os.FileInfo {
		if err := s.Make(0); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(passwd)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	before := look()
	if !os.SameFile(before, look()) {
		t.Error("passwd was written again as it was")
	}
	if err := os.WriteFile(passwd, []byte("changed by hand"), 0o600); err != nil {
		t.Fatal(err)
	}
	look()
	if text, err := os.ReadFile(passwd); err != nil || len(text) < 50 {
		t.Errorf("passwd is %q, %v, want it as it was", text, err)
	}
}
