package secretbox_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/secretbox"
)

var (
	secret = []byte("s3cret")
	place  = []byte("/stampworks/provisioner/secrets/acme/db")
)

func box(t testing.TB, file string) *secretbox.Box {
	t.Helper()
	b, err := secretbox.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func seal(t testing.TB, b *secretbox.Box, plain []byte) []byte {
	t.Helper()
	sealed, err := b.Seal(plain, place)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestRoundTrip(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "key")
	b := box(t, file)
	one, two := seal(t, b, secret), seal(t, b, secret)
	if bytes.Equal(one, two) || bytes.Contains(one, secret) {
		t.Fatal("ciphertext gives something away")
	}
	if got, err := box(t, file).Open(one, place); err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("opened again: %q, %v", got, err)
	}
	if got, err := b.Open(seal(t, b, nil), place); err != nil || len(got) != 0 {
		t.Fatalf("empty secret: %q, %v", got, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("key file: %v, %v", info.Mode(), err)
	}
	if _, err := b.Seal(make([]byte, secretbox.MaxPlaintext+1), place); errs.KindOf(err) != errs.TooLarge {
		t.Fatalf("too large: %v", err)
	}
}

func TestDoesNotOpen(t *testing.T) {
	dir := t.TempDir()
	b := box(t, filepath.Join(dir, "key"))
	sealed := seal(t, b, secret)
	refused := func(name string, b *secretbox.Box, sealed, aad []byte) {
		t.Helper()
		if got, err := b.Open(sealed, aad); !errors.Is(err, secretbox.ErrSealed) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	refused("another place", b, sealed, []byte("/stampworks/provisioner/secrets/globex/db"))
	refused("no place", b, sealed, nil)
	refused("another key file", box(t, filepath.Join(dir, "other")), sealed, place)
	refused("one more byte", b, append(bytes.Clone(sealed), 0), place)
	for n := range sealed {
		refused("truncated", b, sealed[:n], place)
		changed := bytes.Clone(sealed)
		changed[n] ^= 1
		refused("one bit changed", b, changed, place)
	}
}

func TestRotate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	old := box(t, file)
	before := seal(t, old, secret)
	if err := secretbox.Rotate(file); err != nil {
		t.Fatal(err)
	}
	both := box(t, file)
	if got, err := both.Open(before, place); err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("sealed before: %q, %v", got, err)
	}
	after := seal(t, both, secret)
	if both.Current(before) || !both.Current(after) || !old.Current(before) {
		t.Fatal("Current is wrong")
	}
	if !both.Has(before) || !both.Has(after) || old.Has(after) || old.Has(after[:3]) {
		t.Fatal("Has is wrong")
	}
	if _, err := old.Open(after, place); !errors.Is(err, secretbox.ErrSealed) {
		t.Fatalf("the old key alone opens the new: %v", err)
	}
}

func TestKeyFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	box(t, good)
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text string
		mode       os.FileMode
		want       string
	}{
		{"group", string(text), 0o640, "mode"},
		{"world", string(text), 0o604, "mode"},
		{"empty", "", 0o600, "no key"},
		{"short", "00000001 AAAA\n", 0o600, "line 1"},
		{"id", "# keys\nxyz " + strings.Fields(string(text))[1] + "\n", 0o600, "line 2"},
		{"twice", string(text) + string(text), 0o600, "twice"},
	}
	for _, tt := range tests {
		file := filepath.Join(dir, tt.name)
		if err := errors.Join(os.WriteFile(file, []byte(tt.text), tt.mode), os.Chmod(file, tt.mode)); err != nil {
			t.Fatal(err)
		}
		_, err := secretbox.Open(file)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", tt.name, err, tt.want)
		} else if strings.Contains(err.Error(), strings.Fields(string(text))[1]) {
			t.Errorf("%s: the error shows the key", tt.name)
		}
	}
}

func TestReadMakesNoKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if _, err := secretbox.Read(file); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("no file: %v", err)
	}
	sealed := seal(t, box(t, file), secret)
	if b, err := secretbox.Read(file); err != nil || !b.Has(sealed) {
		t.Fatalf("read: %v", err)
	}
}

func TestManyCreateOneKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	var all sync.WaitGroup
	sealed := make([][]byte, 8)
	for i := range sealed {
		all.Go(func() {
			b, err := secretbox.Open(file)
			if err == nil {
				sealed[i], err = b.Seal(secret, place)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	b := box(t, file)
	for _, s := range sealed {
		if _, err := b.Open(s, place); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".key-*")); len(left) > 0 {
		t.Fatalf("left behind: %v", left)
	}
}

// Nothing that Seal did not make opens, and nothing makes Open panic.
func FuzzOpen(f *testing.F) {
	b := box(f, filepath.Join(f.TempDir(), "key"))
	good := seal(f, b, secret)
	f.Add(good, place)
	f.Add(good[:40], place)
	f.Add([]byte{1}, []byte(nil))
	f.Fuzz(func(t *testing.T, sealed, aad []byte) {
		got, err := b.Open(sealed, aad)
		genuine := bytes.Equal(sealed, good) && bytes.Equal(aad, place)
		if genuine != (err == nil) {
			t.Fatalf("genuine %v, opened %q, %v", genuine, got, err)
		}
	})
}
