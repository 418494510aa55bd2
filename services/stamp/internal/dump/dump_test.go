package dump

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func listed(t *testing.T, d *Dump) string {
	t.Helper()
	var one, two bytes.Buffer
	n, err := d.WriteTo(&one)
	if err != nil || n != int64(one.Len()) {
		t.Fatalf("wrote %d, %v", n, err)
	}
	if _, err := d.WriteTo(&two); err != nil || !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Errorf("a second time it is another: %v", err)
	}
	var all []string
	for in := tar.NewReader(&one); ; {
		head, err := in.Next()
		if errors.Is(err, io.EOF) {
			return strings.Join(all, " ")
		}
		text, readErr := io.ReadAll(in)
		if err != nil || readErr != nil {
			t.Fatal(err, readErr)
		}
		all = append(all, head.Name+"="+string(text))
	}
}

func TestDump(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"dump": "tickets", "deep/er/more": "files"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct{ path, as, want string }{
		{"dump", "", "dump=tickets"},
		{"dump", "helpdesk.dump", "helpdesk.dump=tickets"},
		{"", "", "deep/= deep/er/= deep/er/more=files dump=tickets"},
	} {
		d, err := Open(filepath.Join(dir, tc.path), tc.as)
		if err != nil {
			t.Fatal(err)
		}
		if got := listed(t, d); got != tc.want {
			t.Errorf("%s as %s: %s, want %s", tc.path, tc.as, got, tc.want)
		}
	}
	for _, wrong := range [][2]string{{"none", ""}, {"", "name"}, {"dump", "../up"}} {
		if _, err := Open(filepath.Join(dir, wrong[0]), wrong[1]); err == nil {
			t.Errorf("%v was taken", wrong)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	d, err := Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.WriteTo(io.Discard); err == nil || !strings.Contains(err.Error(), "link") {
		t.Errorf("a link was taken: %v", err)
	}
}
