package secretbox_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stampworks.dev/pkg/secretbox"
)

// said is a log that is read while it is written.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(line)
}

// take gives what was said since it was last asked.
func (s *said) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.text.Reset()
	return s.text.String()
}

// keysOf looks after a key file beside what is sealed, which is acme's.
func keysOf(t *testing.T, file string, sealed *atomic.Pointer[[]byte], log *said) *secretbox.Keys {
	t.Helper()
	k, err := secretbox.OpenKeys(secretbox.KeysConfig{
		File: file, Log: slog.New(slog.NewTextHandler(log, nil)), Refuse: errors.New,
		Whose: func(_ context.Context, b *secretbox.Box) (string, bool, error) {
			one := sealed.Load()
			if one == nil {
				return "", false, nil
			}
			return "acme", b != nil && b.Has(*one), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestKeysAreWatched: what happens to the file while it is used is said once, and
// when it is over; nobody is told that a file was taken up which has been.
func TestKeysAreWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log said
		var sealed atomic.Pointer[[]byte]
		file := filepath.Join(t.TempDir(), "secrets.key")
		keys := keysOf(t, file, &sealed, &log)
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("made before anybody knows what is sealed: %v", err)
		}
		go func() { _ = keys.Run(t.Context()) }()
		synctest.Wait()
		now := func(change func() error, want string) {
			t.Helper()
			log.take()
			if err := change(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := log.take(); want == "" && got != "" || strings.Count(got, want) != 1 && want != "" {
				t.Errorf("log %q, want %q once", got, want)
			}
		}
		taken := keys.Changed()
		now(func() error { return nil }, "")
		select {
		case <-taken:
			t.Error("the same file was taken up again")
		default:
		}
		now(func() error {
			text, err := keys.Seal(secret, place)
			sealed.Store(&text)
			return err
		}, "")
		away := file + ".away"
		now(func() error { return os.Rename(file, away) }, "is gone")
		now(func() error { _, err := secretbox.Open(file); return err }, "another one by now")
		now(func() error { return os.Rename(away, file) }, "is used")
	})
}
