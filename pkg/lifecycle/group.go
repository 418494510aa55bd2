package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// StopWithin is how long a group waits for its parts to stop, unless the
// group says otherwise.
const StopWithin = 10 * time.Second

// ErrNotStopped is in the error of a group some of whose parts went on
// running after the deadline.
var ErrNotStopped = errors.New("still running after the stop deadline")

// Service is a part of a process.
type Service interface {
	// Run blocks until the work is done, ctx ends or something fails. The end
	// of ctx is not a failure.
	Run(ctx context.Context) error
}

// Group is a set of parts that live and end together. Add everything, then
// Run once; a Group is not for concurrent use.
type Group struct {
	// StopWithin replaces the default deadline when it is above zero.
	StopWithin time.Duration

	log   *slog.Logger
	parts []part
}

type part struct {
	name string
	run  func(context.Context) error
}

type result struct {
	name string
	err  error
}

// NewGroup makes an empty group. A nil logger discards.
func NewGroup(log *slog.Logger) *Group {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Group{log: log, StopWithin: StopWithin}
}

// Add appends a part. The name appears in errors and in the log.
func (g *Group) Add(name string, run func(ctx context.Context) error) {
	g.parts = append(g.parts, part{name: name, run: run})
}

// Run starts all parts and blocks until all have ended. It returns the first
// failure, wrapped with the name of its part; nil when ctx ended and every
// part stopped in time.
func (g *Group) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	results := make(chan result, len(g.parts))
	running := make([]string, 0, len(g.parts))
	for _, p := range g.parts {
		running = append(running, p.name)
		go func() { results <- result{p.name, p.run(ctx)} }()
	}

	var failure error
	ended := ctx.Done()
	var deadline <-chan time.Time
	for len(running) > 0 {
		select {
		case <-ended:
			ended = nil
			timer := time.NewTimer(g.stopWithin())
			defer timer.Stop()
			deadline = timer.C
		case r := <-results:
			running = without(running, r.name)
			if err := g.judge(ctx, r); err != nil && failure == nil {
				failure = err
				cancel()
			}
		case <-deadline:
			return errors.Join(failure, fmt.Errorf("stop %s: %w", strings.Join(running, ", "), ErrNotStopped))
		}
	}
	return failure
}

// judge tells a failure from an orderly end, and logs failures that come
// after the first as nobody else will hear of them.
func (g *Group) judge(ctx context.Context, r result) error {
	stopping := ctx.Err() != nil
	switch {
	case r.err == nil:
		g.log.Debug("part ended", "part", r.name, "stopping", stopping)
		return nil
	case stopping && errors.Is(r.err, context.Canceled):
		return nil
	default:
		g.log.Debug("part failed", "part", r.name, "stopping", stopping, "error", r.err)
		return fmt.Errorf("run %s: %w", r.name, r.err)
	}
}

func (g *Group) stopWithin() time.Duration {
	if g.StopWithin > 0 {
		return g.StopWithin
	}
	return StopWithin
}

func without(names []string, name string) []string {
	if i := slices.Index(names, name); i >= 0 {
		return slices.Delete(names, i, i+1)
	}
	return names
}
