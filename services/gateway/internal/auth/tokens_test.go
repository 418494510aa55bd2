package auth

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/testkit"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAuthenticate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	write(t, path, "# people\n\n"+Line("dana", "sales", "s3cret")+"\n"+Line("ci", "operator", "other")+"\n")
	tokens, err := Load(path, testkit.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	p, err := tokens.Authenticate("s3cret")
	if err != nil || p.Name != "tokens/dana" || p.Role != "sales" {
		t.Errorf("got %v, %v", p, err)
	}
	for presented, reason := range map[string]string{"": "TOKEN_MISSING", "wrong": "TOKEN_INVALID", "S3CRET": "TOKEN_INVALID"} {
		if _, err := tokens.Authenticate(presented); !errs.Is(err, errs.Unauthenticated) || errs.ReasonOf(err) != reason {
			t.Errorf("%q: got %v, want %s", presented, err, reason)
		}
	}
	if text, _ := os.ReadFile(path); strings.Contains(string(text), "s3cret") {
		t.Error("the file holds the token itself")
	}
}

func TestMistakesNameTheirLine(t *testing.T) {
	for text, want := range map[string]string{
		"dana sales":                   "tokens:1: want a name, a role, a sha256",
		"\ndana king " + "00":          `tokens:2: role "king" is not known`,
		"dana sales 00":                "tokens:1: the third word is not a sha256",
		"dana sales zz" + "00 extra x": "tokens:1: want a name",
	} {
		path := filepath.Join(t.TempDir(), "tokens")
		write(t, path, text)
		if _, err := Load(path, testkit.Logger(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestAChangedFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	write(t, path, Line("dana", "sales", "old"))
	tokens, err := Load(path, testkit.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, Line("dana", "sales", "new"))
	if err := os.Chtimes(path, time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 10*time.Second, func() error { _, err := tokens.Authenticate("new"); return err })
	if _, err := tokens.Authenticate("old"); err == nil {
		t.Error("a token that was taken out still works")
	}
}
