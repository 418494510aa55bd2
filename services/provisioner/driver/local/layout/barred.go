package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrBarred says that no supervisor may hold the stamp.
var ErrBarred = errors.New("the stamp is barred")

// Bar keeps every supervisor from the stamp, and all but the superuser out of its
// directory: the user that its files belong to is somebody else's by now. Calling
// it twice is fine.
func (s Stamp) Bar(why string) error {
	if err := os.Chmod(string(s), 0o700); err != nil {
		return fmt.Errorf("bar stamp: %w", err)
	}
	return WriteFile(s.barred(), []byte(why), 0o600, 0)
}

// Unbar takes that back. Calling it twice is fine.
func (s Stamp) Unbar() error {
	err := os.Chmod(string(s), 0o710)
	if err == nil {
		err = os.Remove(s.barred())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unbar stamp: %w", err)
	}
	return nil
}

// Barred says why the stamp is barred; false when it is not.
func (s Stamp) Barred() (why string, barred bool) {
	text, err := os.ReadFile(s.barred())
	return string(text), err == nil
}

func (s Stamp) barred() string { return s.path("barred") }
