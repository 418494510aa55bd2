package artifact

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// Who may publish is not to read by it what only the provisioner can.
func TestPathsThatAreRefused(t *testing.T) {
	root, elsewhere := filepath.Join(t.TempDir(), "root"), t.TempDir()
	write := func(path string, mode os.FileMode) string {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("text"), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write(filepath.Join(root, "desk"), 0o755)
	outside := write(filepath.Join(elsewhere, "outside"), 0o644)
	private := filepath.Join(root, "private")
	write(filepath.Join(private, "key"), 0o644)
	for _, err := range []error{
		os.Chmod(private, 0o700), syscall.Mkfifo(filepath.Join(root, "pipe"), 0o644),
		os.Symlink(outside, filepath.Join(root, "link")), os.Symlink(elsewhere, filepath.Join(root, "way")),
		os.Symlink(root, filepath.Join(elsewhere, "in")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s := &Store{roots: []string{root}, client: newClient(false)}
	for path, words := range map[string]string{
		good:                                "",
		filepath.Join(elsewhere, "in/desk"): "",
		outside:                             "not below one of",
		filepath.Join(elsewhere, "none"):    "not below one of", // the same as for a file that is there
		filepath.Join(root, "link"):         "not below one of",
		filepath.Join(root, "way/outside"):  "not below one of",
		root + "/../../002/outside":         "not below one of",
		root:                                "not below one of",
		write(filepath.Join(root, "secret"), 0o640): "not every user can read it",
		filepath.Join(private, "key"):               "through private",
		filepath.Join(root, "pipe"):                 "not a regular file",
		private:                                     "not a regular file",
		"/dev/zero":                                 "not below one of",
		"desk":                                      "absolute path",
	} {
		f, size, err := s.openPath(path)
		if words == "" {
			if err != nil || size != 4 {
				t.Errorf("%s: %d bytes, %v", path, size, err)
			} else if err := f.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %q", path, err, words)
		}
	}
	none := &Store{}
	if _, _, err := none.openPath(good); errs.ReasonOf(err) != "ARTIFACT_PATH_REFUSED" || !strings.Contains(err.Error(), "artifact_roots") {
		t.Errorf("without roots: %v", err)
	}
	if _, _, err := (&Store{roots: []string{"/dev"}}).openPath("/dev/zero"); errs.ReasonOf(err) != "ARTIFACT_PATH_REFUSED" {
		t.Errorf("a device: %v", err)
	}
}

// A pipe that nobody writes to held a tenant up for ever.
func TestPipeDoesNotBlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	s := store(t)
	go func() {
		_, err := s.Resolve(context.Background(), "desk", driver.Artifact{File: path, SHA256: strings.Repeat("0", 64)})
		done <- err
	}()
	select {
	case err := <-done:
		if errs.ReasonOf(err) != "ARTIFACT_PATH_REFUSED" {
			t.Errorf("Resolve = %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it waits for somebody to write")
	}
}

func TestCopyEndsWithContext(t *testing.T) {
	path, digest := save(t, "desk", []byte("program"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store(t).Resolve(ctx, "desk", driver.Artifact{File: path, SHA256: digest}); err == nil {
		t.Error("it was copied after the end")
	}
}
