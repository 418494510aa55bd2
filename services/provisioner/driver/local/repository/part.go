package repository

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// MakePart makes a temporary directory in dir, which only this user can write,
// under a fencing token, and removes those that were left there under this
// token or a lower one. So a holder that was paused with a part of its own
// cannot put it into place after a later one has begun: it is gone. The caller
// must see after this call that its token still is the highest.
func MakePart(dir string, token int64) (string, error) {
	if err := removeParts(dir, token); err != nil {
		return "", err
	}
	part := filepath.Join(dir, fmt.Sprintf(".part-%d-%s", token, rand.Text()))
	if err := os.Mkdir(part, 0o700); err != nil {
		return "", fmt.Errorf("make temporary directory: %w", err)
	}
	return part, nil
}

func removeParts(dir string, token int64) error {
	return removeAll(dir, func(name string) bool {
		var of int64
		_, err := fmt.Sscanf(name, ".part-%d-", &of)
		return err == nil && of <= token
	})
}

// removeDropped removes what a call that was cut short has not.
func removeDropped(dir string) error {
	return removeAll(dir, func(name string) bool { return strings.HasPrefix(name, dropped) })
}

func removeAll(dir string, which func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if which(entry.Name()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, entry.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("remove leftovers: %w", err)
	}
	return nil
}
