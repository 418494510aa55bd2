package auth

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/testkit"
)

func TestTokensExpire(t *testing.T) {
	path := t.TempDir() + "/tokens"
	write(t, path, Line("sheet", "viewer", "old")+" 2020-01-31T00:00:00Z\n"+Line("sheet", "viewer", "new")+" "+time.Now().Add(time.Hour).Format(time.RFC3339))
	tokens, err := Load(path, testkit.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := tokens.Authenticate("new"); err != nil || p.Name != "tokens/sheet" {
		t.Errorf("got %v, %v", p, err)
	}
	if _, err := tokens.Authenticate("old"); !errs.Is(err, errs.Unauthenticated) || errs.ReasonOf(err) != "TOKEN_EXPIRED" {
		t.Errorf("got %v", err)
	}
}

func TestAMistakeLeavesTheLastGoodFileInForce(t *testing.T) {
	path := t.TempDir() + "/tokens"
	write(t, path, Line("dana", "sales", "good"))
	tokens, err := Load(path, testkit.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "half a line")
	tokens.checked = time.Time{}
	if _, err := tokens.Authenticate("good"); err != nil {
		t.Errorf("got %v", err)
	}
	if tokens.fault == "" {
		t.Error("the mistake was not noticed")
	}
	write(t, path, Line("dana", "sales", "better"))
	tokens.checked = time.Time{}
	if _, err := tokens.Authenticate("better"); err != nil || tokens.fault != "" {
		t.Errorf("got %v, fault %q", err, tokens.fault)
	}
}

func TestMistakesTellNoSecrets(t *testing.T) {
	for _, text := range []string{"dana sales s3cret", "dana sales s3cret s3cret", "dana sales " + strings.Repeat("00", 32) + " s3cret", "s3cret! sales x"} {
		if _, err := parseAll(strings.NewReader(text)); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// FuzzTokens: whatever the file holds, each token that is taken up is one that
// can be handed on, and was written as a line of its own.
func FuzzTokens(f *testing.F) {
	f.Add(Line("admin", "admin", "x"))
	f.Add("# people\n\n" + Line("a.b@c", "viewer", "y") + " 2027-01-31T00:00:00Z\r\n")
	f.Add("admin admin 00")
	f.Add("\x00 admin " + strings.Repeat("00", 32))
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseAll(strings.NewReader(text))
		if err != nil {
			if len(all) > 0 {
				t.Errorf("tokens %v beside the error %v", all, err)
			}
			return
		}
		if len(all) > strings.Count(text, "\n")+1 {
			t.Errorf("%d tokens in %q", len(all), text)
		}
		for _, one := range all {
			if !tokenName.MatchString(one.name) || !identity.KnownRole(one.role) || one.role == identity.Service {
				t.Errorf("%q took up %+v", text, one)
			}
			if one.sum == ([sha256.Size]byte{}) && !strings.Contains(text, strings.Repeat("0", 64)) {
				t.Errorf("%q has no hash", text)
			}
		}
	})
}
