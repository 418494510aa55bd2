package headers

import (
	"strings"
	"testing"

	"stampworks.dev/pkg/errs"
)

func TestEtagsThatAreRefused(t *testing.T) {
	for _, header := range []string{`"a", "b"`, `""`, `W/`, `"a`, `a b`, "\"a\x00\"", `W/W/"`, `"ä"`} {
		if tag, err := etag([]string{header}); errs.ReasonOf(err) != "IF_MATCH_MALFORMED" {
			t.Errorf("%s: got %q, %v", header, tag, err)
		}
	}
	if _, err := etag([]string{`"a"`, `"b"`}); err == nil {
		t.Error("two headers were taken for one")
	}
}

// FuzzEtag: a tag that is taken is what was between the quotes, and reads the
// same when it is quoted again.
func FuzzEtag(f *testing.F) {
	for _, seed := range []string{`"7"`, `W/"7"`, `7`, `*`, ``, `"a", "b"`, ` "x" `, `"`, `""`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		tag, err := etag([]string{header})
		if err != nil {
			if tag != "" || errs.KindOf(err) != errs.InvalidArgument {
				t.Errorf("%q: %q, %v", header, tag, err)
			}
			return
		}
		if tag == "" {
			if text := strings.TrimSpace(header); text != "" && text != "*" {
				t.Errorf("%q compares nothing", header)
			}
			return
		}
		if !strings.Contains(header, tag) {
			t.Errorf("%q became %q", header, tag)
		}
		if again, err := etag([]string{`"` + tag + `"`}); err != nil || (tag != "*" && again != tag) {
			t.Errorf("%q became %q, and that %q, %v", header, tag, again, err)
		}
	})
}
