package layout

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// EmptyVolume removes all that a volume holds, and keeps the directory. What is
// in it is the stamp's: no link in it is followed, and nothing outside of it is
// touched. A volume that is not there is empty.
func (c Component) EmptyVolume(name string) error {
	volumes, err := os.OpenRoot(c.path("volumes"))
	if err != nil {
		return fmt.Errorf("empty volume: %w", err)
	}
	defer func() { _ = volumes.Close() }() // only a directory
	volume, err := volumes.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("empty volume: %w", err)
	}
	defer func() { _ = volume.Close() }() // only a directory
	if err := empty(volume); err != nil {
		return fmt.Errorf("empty volume %s: %w", name, err)
	}
	return nil
}

// empty removes some entries at a time: there may be very many.
func empty(root *os.Root) error {
	for {
		dir, err := root.Open(".")
		if err != nil {
			return err
		}
		names, err := dir.Readdirnames(1000)
		_ = dir.Close() // only read
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := root.RemoveAll(name); err != nil {
				return err
			}
		}
	}
}
