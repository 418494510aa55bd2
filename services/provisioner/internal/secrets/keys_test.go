package secrets_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stampworks.dev/pkg/secretbox"
	"stampworks.dev/pkg/testkit"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/secrets"
)

// openAt gives the vault's secrets under another key file.
func openAt(t *testing.T, v *secrets.Vault, file string) (*secretbox.Keys, *secrets.Vault) {
	t.Helper()
	keys, err := secrets.OpenKeys(file, v.Sealed, testkit.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	return keys, &secrets.Vault{Box: keys, Sealed: v.Sealed}
}

// isUnreadable checks for the failure, and for what it says.
func isUnreadable(t *testing.T, err error, says string) {
	t.Helper()
	var f *failure.Error
	if !errors.As(err, &f) || f.Failure.GetCode() != typev1.Failure_SECRET_UNREADABLE || !strings.Contains(f.Failure.GetMessage(), says) {
		t.Errorf("error %v, want %q", err, says)
	}
}

func TestKeysOfAFirstStart(t *testing.T) {
	v, guard, _ := vault(t)
	must(t, v.Sealed.Delete(t.Context(), "acme", guard))
	file := filepath.Join(t.TempDir(), "new", "secrets.key")
	keys, v := openAt(t, v, file)
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("made before anybody knows what is sealed: %v", err)
	}
	must(t, keys.MaySeal(t.Context()))
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	_, err := v.Make(t.Context(), "acme", "u1", map[string]int{"a": 16}, guard)
	must(t, err)
	if all, err := v.Read(t.Context(), "acme", "u1"); err != nil || len(all) != 1 {
		t.Errorf("read %v, %v", all, err)
	}
}

// TestLostKeys: nothing is sealed, and no file is made, until that of before is
// there again.
func TestLostKeys(t *testing.T) {
	for name, c := range map[string]struct {
		make func(t *testing.T, file string)
		read string // what is said of a secret that was sealed
		seal string // and to who wants to seal another
	}{
		"no file": {func(*testing.T, string) {}, "is not there", "No new one is made"},
		"another file": {func(t *testing.T, file string) {
			t.Helper()
			_, err := secretbox.Open(file)
			must(t, err)
		}, "not in the key file", "is another one"},
	} {
		t.Run(name, func(t *testing.T) {
			v, guard, old := vault(t)
			file := filepath.Join(t.TempDir(), "secrets.key")
			c.make(t, file)
			before, _ := os.ReadFile(file)
			keys, v := openAt(t, v, file)
			_, err := v.Read(t.Context(), "acme", "u1")
			isUnreadable(t, err, c.read)
			_, err = v.Make(t.Context(), "globex", "u2", map[string]int{"a": 16}, guard)
			isUnreadable(t, err, c.seal)
			isUnreadable(t, v.Renew(t.Context(), "acme", "u1", "a", 2, 16, guard), c.seal)
			if after, _ := os.ReadFile(file); string(after) != string(before) {
				t.Error("the key file was changed")
			}
			if kept, err := v.Sealed.Get(t.Context(), "acme"); err != nil || v.Has(kept.Value) {
				t.Errorf("says that it has the key: %v", err)
			}
			changed := keys.Changed()
			text, err := os.ReadFile(old)
			must(t, err)
			must(t, os.WriteFile(file, text, 0o600))
			must(t, keys.MaySeal(t.Context()))
			<-changed
			if all, err := v.Read(t.Context(), "acme", "u1"); err != nil || len(all) != 1 {
				t.Errorf("read %v, %v", all, err)
			}
		})
	}
}

// TestDamagedKey: a line whose key is another one under the same name is no key of
// what is sealed, and nothing is sealed under it.
func TestDamagedKey(t *testing.T) {
	v, guard, old := vault(t)
	text, err := os.ReadFile(old)
	must(t, err)
	name, key, _ := strings.Cut(string(text), " ")
	swap := "A"
	if key[:1] == swap {
		swap = "B"
	}
	file := filepath.Join(t.TempDir(), "secrets.key")
	must(t, os.WriteFile(file, []byte(name+" "+swap+key[1:]), 0o600))
	_, v = openAt(t, v, file)
	_, err = v.Make(t.Context(), "globex", "u2", map[string]int{"a": 16}, guard)
	isUnreadable(t, err, "is another one")
}

// TestKeysLostWhileTheyAreUsed: what is sealed then could not be opened by the next
// start; what is sealed already is opened as before.
func TestKeysLostWhileTheyAreUsed(t *testing.T) {
	v, guard, file := vault(t)
	keys, v := openAt(t, v, file)
	must(t, keys.MaySeal(t.Context()))
	must(t, os.Rename(file, file+".away"))
	_, err := v.Make(t.Context(), "globex", "u2", map[string]int{"a": 16}, guard)
	isUnreadable(t, err, "is gone")
	isUnreadable(t, v.Renew(t.Context(), "acme", "u1", "a", 2, 16, guard), "is gone")
	if all, err := v.Read(t.Context(), "acme", "u1"); err != nil || len(all) != 1 {
		t.Errorf("read %v, %v", all, err)
	}
	must(t, os.Rename(file+".away", file))
	_, err = v.Make(t.Context(), "globex", "u2", map[string]int{"a": 16}, guard)
	must(t, err)
}

// TestKeysReplacedWhileTheyAreUsed: the next start would open nothing of what is
// sealed then. A file with one key more is no other one.
func TestKeysReplacedWhileTheyAreUsed(t *testing.T) {
	v, guard, file := vault(t)
	keys, v := openAt(t, v, file)
	must(t, keys.MaySeal(t.Context()))
	must(t, os.Rename(file, file+".away"))
	_, err := secretbox.Open(file)
	must(t, err)
	_, err = v.Make(t.Context(), "globex", "u2", map[string]int{"a": 16}, guard)
	isUnreadable(t, err, "another one by now")
	if all, err := v.Read(t.Context(), "acme", "u1"); err != nil || len(all) != 1 {
		t.Errorf("read %v, %v", all, err)
	}
	must(t, os.WriteFile(file, []byte("damaged"), 0o600))
	isUnreadable(t, keys.MaySeal(t.Context()), "cannot be used any more")
	must(t, os.Rename(file+".away", file))
	must(t, secretbox.Rotate(file))
	_, err = v.Make(t.Context(), "globex", "u2", map[string]int{"a": 16}, guard)
	must(t, err)
}

// TestMergedKeys: a file with the lines of both opens what either has sealed.
func TestMergedKeys(t *testing.T) {
	v, guard, old := vault(t)
	file := filepath.Join(t.TempDir(), "secrets.key")
	_, err := secretbox.Open(file)
	must(t, err)
	a, err := os.ReadFile(file)
	must(t, err)
	b, err := os.ReadFile(old)
	must(t, err)
	must(t, os.WriteFile(file, append(a, b...), 0o600))
	keys, v := openAt(t, v, file)
	must(t, keys.MaySeal(t.Context()))
	if n, err := v.Reseal(t.Context(), "acme", guard); n != 1 || err != nil {
		t.Errorf("sealed again: %d, %v", n, err)
	}
	if _, err := v.Read(t.Context(), "acme", "u1"); err != nil {
		t.Error(err)
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	v, _, old := vault(t)
	must(t, os.Chmod(old, 0o644))
	if _, err := secrets.OpenKeys(old, v.Sealed, testkit.Logger(t)); err == nil {
		t.Error("a key file that everybody reads is taken")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
