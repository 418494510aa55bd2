// Package bench is what the measurements share: the form of a result and how
// measurements are picked. Each is taken beside a peer or a floor in the same
// run, because a figure from another machine or another hour says nothing.
package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
)

// Result is one figure; a line of JSON on standard output.
type Result struct {
	// Name begins with the area: "stamp/", "isolation/", "engine/".
	Name string `json:"name"`
	// Value in Unit: what was measured.
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Against names what the value was measured beside in the same run, empty
	// for a figure that is only printed.
	Against string `json:"against"`
	// Ratio of the value to that; 0 without one.
	Ratio float64 `json:"ratio"`
	// Mark that the ratio, or without one the value, must not exceed; 0: none.
	Mark float64 `json:"mark"`
	// OK says that the mark is kept; true where there is none.
	OK bool `json:"ok"`
}

// Measurement is one run that gives one or more results.
type Measurement struct {
	// Names of the results, by which it is picked.
	Names []string
	// Run measures, telling progress on the log. It ends what it started.
	Run func(ctx context.Context, log *slog.Logger) ([]Result, error)
}

func (m Measurement) picked(only *regexp.Regexp) bool {
	return slices.ContainsFunc(m.Names, only.MatchString)
}

// Run takes the measurements that have a name which matches only, and writes
// each result to out as soon as it is there. The error says which measurements
// failed and which marks were not kept; one does not stop the others.
func Run(ctx context.Context, out io.Writer, log *slog.Logger, only *regexp.Regexp, all []Measurement) error {
	lines := json.NewEncoder(out)
	var bad []error
	taken := 0
	for _, m := range all {
		if !m.picked(only) {
			continue
		}
		taken++
		results, err := m.Run(ctx, log)
		if err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", strings.Join(m.Names, ", "), err))
		}
		for _, r := range results {
			if err := lines.Encode(r); err != nil {
				return err
			}
			if !r.OK {
				bad = append(bad, fmt.Errorf("%s: above its mark %g", r.Name, r.Mark))
			}
		}
	}
	if taken == 0 {
		bad = append(bad, fmt.Errorf("no measurement has a name that matches %q", only))
	}
	return errors.Join(bad...)
}
