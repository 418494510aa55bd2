package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// File is what `stamp dev` writes for the commands of its folder.
type File struct {
	Address string `json:"address"`
	Token   string `json:"token"`
	// Source and Blueprint are meant when a command does not say which; empty
	// leaves it at the only one there is.
	Source    string `json:"source,omitempty"`
	Blueprint string `json:"blueprint,omitempty"`
}

// fileName is looked for in the working folder and those above it.
var fileName = filepath.Join(".stamp", "client.json")

// Locate finds the gateway: what is given, then STAMP_ADDR and STAMP_TOKEN,
// then the nearest .stamp/client.json.
func Locate(given Config, getenv func(string) string, dir string) (Config, error) {
	cfg := Config{
		Address: first(given.Address, getenv("STAMP_ADDR")),
		Token:   first(given.Token, getenv("STAMP_TOKEN")),
	}
	if cfg.Address != "" && cfg.Token != "" {
		return cfg, nil
	}
	found, err := nearest(dir)
	if err != nil {
		return Config{}, err
	}
	// A token is for one gateway: it is never sent to another.
	if cfg.Address == "" || cfg.Address == found.Address {
		cfg.Address, cfg.Token = found.Address, first(cfg.Token, found.Token)
	}
	if cfg.Address == "" {
		return Config{}, errors.New("find Stampworks: no address given\n" +
			"  start one here with: make run   or name one with --addr and --token, or STAMP_ADDR and STAMP_TOKEN")
	}
	return cfg, nil
}

// Assumed is what commands mean at a gateway when they do not say: what the
// nearest file says, if it is about that one.
func Assumed(dir, address string) (File, error) {
	found, err := nearest(dir)
	if err != nil || strings.TrimRight(found.Address, "/") != strings.TrimRight(address, "/") {
		return File{}, err
	}
	return found, nil
}

func nearest(dir string) (File, error) {
	for {
		path := filepath.Join(dir, fileName)
		text, err := os.ReadFile(path)
		switch {
		case err == nil:
			var f File
			if err := json.Unmarshal(text, &f); err != nil {
				return File{}, fmt.Errorf("read %s: %w", path, err)
			}
			return f, nil
		case !errors.Is(err, fs.ErrNotExist):
			return File{}, fmt.Errorf("read client file: %w", err)
		case dir == filepath.Dir(dir):
			return File{}, nil
		}
		dir = filepath.Dir(dir)
	}
}

// Write puts the file into a folder, readable by its owner only.
func Write(dir string, f File) error {
	text, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode client file: %w", err)
	}
	path := filepath.Join(dir, fileName)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make client folder: %w", err)
	}
	next := path + ".new"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return fmt.Errorf("write client file: %w", err)
	}
	return os.Rename(next, path)
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// Read gives the file of a folder; an error when there is none.
func Read(dir string) (File, error) {
	var f File
	text, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		return f, fmt.Errorf("read client file: %w", err)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return f, fmt.Errorf("read client file: %w", err)
	}
	return f, nil
}
