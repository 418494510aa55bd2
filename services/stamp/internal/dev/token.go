package dev

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"stampworks.dev/services/gateway"
)

// adminToken gives the admin's token: the one in the file, or a new one that
// is written there.
func adminToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if token := strings.TrimSpace(string(text)); err == nil && token != "" {
		return token, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read token: %w", err)
	}
	token := "stamp_" + strings.ToLower(rand.Text())
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make token folder: %w", err)
	}
	return token, writePrivate(path, token+"\n")
}

// allow lets the token in at the gateway: it is the line of "admin". The other
// lines are a person's, and stay.
func allow(path, token string) error {
	have, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read tokens: %w", err)
	}
	text := gateway.TokenLine("admin", "admin", token) + "\n"
	for line := range strings.Lines(string(have)) {
		if words := strings.Fields(line); len(words) > 0 && words[0] != "admin" {
			text += strings.TrimSuffix(line, "\n") + "\n"
		}
	}
	return writePrivate(path, text)
}

func writePrivate(path, text string) error {
	next := path + ".new"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return os.Rename(next, path)
}
