package server

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestEachLine(t *testing.T) {
	full := strings.Repeat("x", maxLine)
	for _, c := range []struct {
		name, log string
		want      []string
	}{
		{"nothing", "", nil},
		{"lines", "one\n\ntwo\r\n", []string{"one", "", "two"}},
		{"last line incomplete", "one\ntwo", []string{"one", "two"}},
		{"as long as allowed", full + "\nnext\n", []string{full, "next"}},
		{"too long", full + "y\nnext\n", []string{full + cutHere, "next"}},
		{"much too long", full + full + full + "\nnext\n", []string{full + cutHere, "next"}},
		{"too long and incomplete", full + full, []string{full + cutHere}},
		{"sparse", strings.Repeat("\x00", 3*maxLine) + "one\ntwo\n", []string{"one", "two"}},
		{"NULs only", strings.Repeat("\x00", 3*maxLine), nil},
		{"no UTF-8", "caf\xe9\n", []string{"caf\uFFFD"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			err := eachLine(strings.NewReader(c.log), func(line string) error {
				got = append(got, line)
				return nil
			})
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%d lines and %v, want %d lines", len(got), err, len(c.want))
			}
		})
	}
}

func TestEachLineFails(t *testing.T) {
	broken := errors.New("broken")
	if err := eachLine(io.MultiReader(strings.NewReader("one\n"), iotest.ErrReader(broken)), func(string) error { return nil }); !errors.Is(err, broken) {
		t.Errorf("a reader that broke: %v", err)
	}
	if err := eachLine(strings.NewReader("one\n"), func(string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("a caller that went: %v", err)
	}
}
