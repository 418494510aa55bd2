// Package secretfile keeps the secrets of sources in .stamp/sources.json,
// readable by its owner only, so that `stamp source send` can sign. A secret
// is kept by gateway and source: it is never used for another gateway.
package secretfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

var name = filepath.Join(".stamp", "sources.json")

// content is by the gateway's address, then by the source's id.
type content map[string]map[string]string

// Write adds a source's secret to the file in a folder.
func Write(dir, address, source, secret string) error {
	path := filepath.Join(dir, name)
	all, err := read(path)
	if err != nil {
		return err
	}
	address = strings.TrimRight(address, "/")
	if all[address] == nil {
		all[address] = map[string]string{}
	}
	all[address][source] = secret
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make folder of secrets: %w", err)
	}
	next := path + ".new"
	if err := os.WriteFile(next, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(next, path)
}

// Sources are the secrets of a gateway's sources, by id: the nearest one of
// each, from the folder upwards.
func Sources(dir, address string) (map[string]string, error) {
	found := map[string]string{}
	for {
		all, err := read(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		for source, secret := range all[strings.TrimRight(address, "/")] {
			if _, nearer := found[source]; !nearer {
				found[source] = secret
			}
		}
		if dir == filepath.Dir(dir) {
			return found, nil
		}
		dir = filepath.Dir(dir)
	}
}

func read(path string) (content, error) {
	all := content{}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return all, nil
}
