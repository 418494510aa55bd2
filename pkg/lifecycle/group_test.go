package lifecycle_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stampworks.dev/pkg/lifecycle"
)

var errBroken = errors.New("broken")

func untilDone(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func TestFirstFailureStopsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := lifecycle.NewGroup(nil)
		stopped := false
		g.Add("good", func(ctx context.Context) error { <-ctx.Done(); stopped = true; return nil })
		g.Add("bad", func(context.Context) error { time.Sleep(time.Second); return errBroken })
		err := g.Run(t.Context())
		if !errors.Is(err, errBroken) || err.Error() != "run bad: broken" {
			t.Errorf("got %v", err)
		}
		if !stopped {
			t.Error("Run returned before the other part had stopped")
		}
	})
}

func TestAPartThatFinishesDoesNotEndTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		g := lifecycle.NewGroup(nil)
		g.Add("job", func(context.Context) error { return nil })
		g.Add("loop", func(ctx context.Context) error { <-ctx.Done(); return nil })
		start := time.Now()
		if err := g.Run(ctx); err != nil {
			t.Errorf("got %v", err)
		}
		if time.Since(start) != time.Hour {
			t.Errorf("ended after %v, want the context's hour", time.Since(start))
		}
	})
}

func TestEndOfTheContextIsNotAFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g := lifecycle.NewGroup(nil)
	g.Add("a", untilDone)
	g.Add("b", untilDone)
	if err := g.Run(ctx); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestAFailureWhileStoppingIsReported(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g := lifecycle.NewGroup(nil)
	g.Add("a", func(ctx context.Context) error { <-ctx.Done(); return errBroken })
	if err := g.Run(ctx); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}

func TestThePartThatDoesNotStopIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		g := lifecycle.NewGroup(nil)
		release := make(chan struct{})
		g.Add("stuck", func(context.Context) error { <-release; return nil })
		g.Add("prompt", untilDone)
		cancel()
		start := time.Now()
		err := g.Run(ctx)
		if !errors.Is(err, lifecycle.ErrNotStopped) || !strings.Contains(err.Error(), "stop stuck:") || strings.Contains(err.Error(), "prompt") {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(start); waited != lifecycle.StopWithin {
			t.Errorf("waited %v", waited)
		}
		close(release)
	})
}

func TestAnEmptyGroupEndsAtOnce(t *testing.T) {
	if err := lifecycle.NewGroup(nil).Run(t.Context()); err != nil {
		t.Errorf("got %v", err)
	}
}
