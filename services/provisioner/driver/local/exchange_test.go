package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestExchange(t *testing.T) {
	for name, do := range map[string]func(from, to string) error{"at once": exchange, "in two steps": replace} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			part, backup := filepath.Join(dir, "part"), filepath.Join(dir, "backup")
			mark := func(at string) {
				t.Helper()
				if err := errors.Join(os.Mkdir(at, 0o700), os.WriteFile(filepath.Join(at, filepath.Base(at)), nil, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			mark(part)
			if err := do(part, backup); err != nil { // as after a crash: there is none
				t.Fatal(err)
			}
			mark(part + "2")
			if err := do(part+"2", backup); err != nil {
				t.Fatal(err)
			}
			// A later holder has removed the part of one that was paused.
			if err := do(filepath.Join(dir, "gone"), backup); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("with a part that is gone: %v", err)
			}
			if _, err := os.Stat(filepath.Join(backup, "part2")); err != nil {
				t.Errorf("the second is not in place: %v", err)
			}
		})
	}
}
