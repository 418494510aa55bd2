package secretbox

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"stampworks.dev/pkg/errs"
)

// Open reads the key file; when there is none, it makes one with a new key. Of
// several programs that do so at once, one makes it and all use it. A file that
// others may read is refused.
func Open(keyFile string) (*Box, error) {
	box, err := read(keyFile)
	if !errors.Is(err, fs.ErrNotExist) {
		return box, err
	}
	if err := write(keyFile, []key{newKey(nil)}, false); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make key file: %w", err)
	}
	return read(keyFile)
}

// Read is Open that makes no file: fs.ErrNotExist when there is none.
func Read(keyFile string) (*Box, error) { return read(keyFile) }

// Rotate puts a new key before the others of a file. Programs that have the file
// open go on with the old one, which still opens everything; restart them all
// before anything is sealed with the new one.
func Rotate(keyFile string) error {
	box, err := read(keyFile)
	if err != nil {
		return err
	}
	if err := write(keyFile, append([]key{newKey(box.keys)}, box.keys...), true); err != nil {
		return fmt.Errorf("rotate key file: %w", err)
	}
	return nil
}

func read(name string) (*Box, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at key file: %w", err)
	}
	if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&0o077 != 0 {
		return nil, errs.New(errs.FailedPrecondition, "KEY_FILE_EXPOSED",
			"key file %q has mode %v: it must be a regular file that its owner alone may use (chmod 600)", name, mode)
	}
	var raw bytes.Buffer
	if _, err := raw.ReadFrom(file); err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	keys, err := parse(raw.String())
	if err != nil {
		return nil, fmt.Errorf("key file %q: %w", name, err)
	}
	return &Box{keys: keys}, nil
}

// parse reads the lines of a key file. Its errors never show a key.
func parse(text string) ([]key, error) {
	var keys []key
	seen := map[uint32]bool{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		idText, keyText, _ := strings.Cut(line, " ")
		id, err := strconv.ParseUint(idText, 16, 32)
		if err != nil || seen[uint32(id)] {
			return nil, fmt.Errorf("line %d: key id is not eight hex digits, or is there twice", i+1)
		}
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(keyText))
		if err != nil || len(raw) != keySize {
			return nil, fmt.Errorf("line %d: key is not %d bytes of base64", i+1, keySize)
		}
		k, err := makeKey(uint32(id), raw)
		if err != nil {
			return nil, err
		}
		seen[k.id] = true
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in it")
	}
	return keys, nil
}

func makeKey(id uint32, raw []byte) (key, error) {
	aead, err := chacha20poly1305.NewX(raw)
	if err != nil {
		return key{}, fmt.Errorf("make key: %w", err)
	}
	return key{id: id, aead: aead, raw: raw}, nil
}

// newKey has an id that none of the others has.
func newKey(others []key) key {
	raw := make([]byte, keySize)
	_, _ = rand.Read(raw)
	for {
		var id [4]byte
		_, _ = rand.Read(id[:])
		k := key{id: binary.BigEndian.Uint32(id[:]), raw: raw}
		taken := false
		for _, o := range others {
			taken = taken || o.id == k.id
		}
		if !taken {
			return k
		}
	}
}

// write puts the whole file in place at once: a reader sees all of it or the one
// before. Without replace, fs.ErrExist when there is one already.
func write(name string, keys []key, replace bool) error {
	var text strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&text, "%08x %s\n", k.id, base64.StdEncoding.EncodeToString(k.raw))
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(name), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.WriteString(text.String())
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if replace {
		return os.Rename(file.Name(), name)
	}
	return os.Link(file.Name(), name)
}
