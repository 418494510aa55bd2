package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ClearParts removes files that whoever was killed was writing: there may be
// secrets in them. Only who holds the stamp's lock may, and before it writes.
func (s Stamp) ClearParts() error {
	dirs := []string{string(s), s.Etc(), s.Jobs()}
	components, err := os.ReadDir(s.Components())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clear stamp: %w", err)
	}
	for _, c := range components {
		if c.IsDir() {
			dirs = append(dirs, string(s.Component(c.Name())), s.Component(c.Name()).Files())
		}
	}
	for _, dir := range dirs {
		if err := clearParts(dir); err != nil {
			return fmt.Errorf("clear stamp: %w", err)
		}
	}
	return nil
}

func clearParts(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if part, _ := filepath.Match(PartPattern, e.Name()); part && e.Type().IsRegular() {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}
