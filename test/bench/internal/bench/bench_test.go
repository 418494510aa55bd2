package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"stampworks.dev/test/bench/internal/bench"
)

var quiet = slog.New(slog.DiscardHandler)

// measured gives a measurement that says whether it was taken.
func measured(taken *[]string, err error, results ...bench.Result) bench.Measurement {
	m := bench.Measurement{Run: func(context.Context, *slog.Logger) ([]bench.Result, error) {
		*taken = append(*taken, results[0].Name)
		return results, err
	}}
	for _, r := range results {
		m.Names = append(m.Names, r.Name)
	}
	return m
}

func TestRun(t *testing.T) {
	good, bad := bench.Result{Name: "engine/good", OK: true}, bench.Result{Name: "stamp/bad", Mark: 2, Ratio: 3}
	broken := errors.New("it broke")
	for _, c := range []struct {
		name, only string
		taken      int
		lines      []string
		says       []string
	}{
		{"all", "", 3, []string{"engine/good", "engine/more", "stamp/bad", "engine/half"}, []string{"stamp/bad: above its mark 2", "engine/half: it broke"}},
		{"by the second name", "more$", 1, []string{"engine/good", "engine/more"}, nil},
		{"none", "typo", 0, nil, []string{`no measurement has a name that matches "typo"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			var taken []string
			err := bench.Run(t.Context(), &out, quiet, regexp.MustCompile(c.only), []bench.Measurement{
				measured(&taken, nil, good, bench.Result{Name: "engine/more", OK: true}),
				measured(&taken, nil, bad),
				measured(&taken, broken, bench.Result{Name: "engine/half", OK: true}),
			})
			if len(taken) != c.taken {
				t.Errorf("taken: %v", taken)
			}
			if (err != nil) != (c.says != nil) {
				t.Errorf("Run = %v", err)
			}
			for _, says := range c.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("Run = %v, want it to say %q", err, says)
				}
			}
			if got := names(t, &out); strings.Join(got, " ") != strings.Join(c.lines, " ") {
				t.Errorf("printed %v, want %v", got, c.lines)
			}
		})
	}
}

// names reads the lines as a script would: JSON and nothing else.
func names(t *testing.T, out *bytes.Buffer) []string {
	t.Helper()
	var all []string
	for lines := json.NewDecoder(out); lines.More(); {
		var r bench.Result
		if err := lines.Decode(&r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r.Name)
	}
	return all
}

func TestWith(t *testing.T) {
	var did []string
	err := bench.With(t.Context(), quiet, func(t testing.TB) {
		t.Cleanup(func() { did = append(did, "first ended") })
		t.Cleanup(func() { t.Fatalf("does not end") })
		t.Errorf("is wrong")
		if len(did) == 0 {
			t.Fatal("is over")
		}
		did = append(did, "went on")
	})
	if got := strings.Join(did, ", "); got != "first ended" {
		t.Errorf("did %q", got)
	}
	for _, says := range []string{"is wrong", "is over", "does not end"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("With = %v, want it to say %q", err, says)
		}
	}
	if err := bench.With(t.Context(), quiet, func(testing.TB) {}); err != nil {
		t.Errorf("With = %v", err)
	}
}
