// Package isolation measures how much one customer notices of another that
// uses up what it gets: real stamps, made by `stamp dev` and the local driver.
//
// Customer B's helpdesk is asked at a fixed rate while customer A does nothing,
// while A is at the limits of its plan, and while another A has no limits; the
// three are taken in turn, several times. What counts is the 99th percentile
// beside A as a ratio to that without.
package isolation

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"stampworks.dev/test/bench/internal/bench"
)

const (
	rounds   = 5
	requests = 5000 // a side, in each round
	warmup   = 1000
	rate     = 1000 // a second: a fraction of what the helpdesk can do
	mark     = 1.5
	diskMark = 3
	within   = 2 * time.Minute
)

// Measurements are one for each thing that can be used up.
func Measurements() []bench.Measurement {
	var all []bench.Measurement
	for _, what := range []string{"cpu", "memory", "processes", "disk"} {
		name := "isolation/" + what
		all = append(all, bench.Measurement{
			Names: []string{name, name + "_unlimited"},
			Run: func(ctx context.Context, log *slog.Logger) ([]bench.Result, error) {
				ctx, cancel := context.WithTimeout(ctx, within)
				defer cancel()
				return measure(ctx, log, what)
			},
		})
	}
	return all
}

// sides are taken in this order in each round. The first has nobody beside.
var sides = []string{"alone", "limited", "unlimited"}

func measure(ctx context.Context, log *slog.Logger, what string) ([]bench.Result, error) {
	p, err := start(ctx, log)
	if err != nil {
		return nil, err
	}
	taken, err := p.rounds(ctx, log, what)
	if endErr := p.end(); err == nil {
		err = endErr
	}
	if err != nil {
		return nil, err
	}
	limited := result("isolation/"+what, taken, "limited")
	limited.Mark = markOf(what, hasDiskControl())
	limited.OK = limited.Mark == 0 || limited.Ratio <= limited.Mark
	return []bench.Result{limited, result("isolation/"+what+"_unlimited", taken, "unlimited")}, nil
}

// markOf gives none for a disk that the kernel cannot share out.
func markOf(what string, diskControl bool) float64 {
	switch {
	case what != "disk":
		return mark
	case diskControl:
		return diskMark
	}
	return 0
}

// rounds gives the 99th percentiles of each side.
func (p *plane) rounds(ctx context.Context, log *slog.Logger, what string) (map[string][]time.Duration, error) {
	taken := map[string][]time.Duration{}
	if _, err := ask(ctx, p.urls["b"]+"/api/tickets", warmup); err != nil {
		return nil, err
	}
	for round := range rounds {
		for _, side := range sides {
			if err := p.burn(ctx, side, what); err != nil {
				return nil, err
			}
			got, err := askFirst(ctx, p.urls["b"]+"/api/tickets", requests)
			if err != nil {
				return nil, fmt.Errorf("ask b, a is %s: %w", side, err)
			}
			if err := p.burn(ctx, side, ""); err != nil {
				return nil, err
			}
			p99 := percentile(got.took, 0.99)
			taken[side] = append(taken[side], p99)
			log.Info("asked", "what", what, "round", round+1, "a", side, "p50", percentile(got.took, 0.5), "p99", p99, "late", percentile(got.late, 0.99))
		}
	}
	return taken, nil
}

// result compares a side with the first, round by round.
func result(name string, taken map[string][]time.Duration, side string) bench.Result {
	var ratios, values []float64
	for i, p99 := range taken[side] {
		ratios = append(ratios, float64(p99)/float64(taken[sides[0]][i]))
		values = append(values, p99.Seconds()*1000)
	}
	return bench.Result{Name: name, Value: median(values), Unit: "ms p99", Against: "the same customer alone", Ratio: median(ratios), OK: true}
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func percentile(all []time.Duration, part float64) time.Duration {
	sorted := slices.SortedFunc(slices.Values(all), cmp.Compare)
	return sorted[int(float64(len(sorted)-1)*part)]
}

// hasDiskControl is true where the kernel can share out a disk fairly.
func hasDiskControl() bool {
	text, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
	return err == nil && slices.Contains(strings.Fields(string(text)), "io")
}
