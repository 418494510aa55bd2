package show

import (
	"slices"
	"testing"
)

func TestLongLinesAreFoldedOnATerminalOnly(t *testing.T) {
	const line = "  next: publish a new revision http://a.very.long.address.example/x"
	for _, tc := range []struct {
		width int
		want  []string
	}{
		{0, []string{line}},
		{100, []string{line}},
		{24, []string{"  next: publish a new", "    revision", "    http://a.very.long.address.example/x"}},
		{1, []string{"  next:", "    publish", "    a", "    new", "    revision", "    http://a.very.long.address.example/x"}},
	} {
		if got := (sheet{tc.width}).fold(line, 4); !slices.Equal(got, tc.want) {
			t.Errorf("width %d: got %q, want %q", tc.width, got, tc.want)
		}
	}
}
