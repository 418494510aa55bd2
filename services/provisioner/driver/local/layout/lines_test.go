package layout

import (
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLastLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if lines, err := LastLines(path, 3); err != nil || lines != nil {
		t.Errorf("no file: %q, %v", lines, err)
	}
	for text, want := range map[string][]string{
		"":                             nil,
		"a":                            {"a"},
		"a\nb\nc\nd\n":                 {"b", "c", "d"},
		"a\n\n\n":                      {"a", "", ""},
		"bad\xff\n":                    {"bad\uFFFD"},
		strings.Repeat("x", 5000) + "": {strings.Repeat("x", lineBytes)},
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if lines, err := LastLines(path, 3); err != nil || !reflect.DeepEqual(lines, want) {
			t.Errorf("LastLines of %.20q = %.40q, %v, want %.40q", text, lines, err, want)
		}
	}
}

func TestTailOffset(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.StringMatching(`[a-z]{0,9}`)).Draw(t, "lines")
		n := rapid.IntRange(1, 10).Draw(t, "n")
		text := ""
		if len(lines) > 0 {
			text = strings.Join(lines, "\n") + "\n"
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		at, got, err := TailOffset(f, n)
		want := lines[max(0, len(lines)-n):]
		wantText := ""
		if len(want) > 0 {
			wantText = strings.Join(want, "\n") + "\n"
		}
		if err != nil || got != len(want) || text[at:] != wantText {
			t.Errorf("TailOffset(%q, %d) = %d, %d, %v, want %q", text, n, at, got, err, wantText)
		}
	})
}

// TestLongLogIsNotRead: most of it is a hole, and takes no time.
func TestLongLogIsNotRead(t *testing.T) {
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	const size = 1 << 40
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("\none\ntwo\n"); err != nil {
		t.Fatal(err)
	}
	if at, lines, err := TailOffset(f, 1); err != nil || at != size+5 || lines != 1 {
		t.Errorf("last line at %d, %d lines, %v", at, lines, err)
	}
	if at, lines, err := TailOffset(f, 10); err != nil || at < size-mostRead || lines != 3 {
		t.Errorf("ten lines at %d, %d lines, %v", at, lines, err)
	}
	if err := ToKept(f); err != nil {
		t.Fatal(err)
	}
	if at, err := f.Seek(0, io.SeekCurrent); err != nil || at < size-mostRead {
		t.Errorf("all that is kept begins at %d, %v", at, err)
	}
}
