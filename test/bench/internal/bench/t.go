package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
)

// With gives fn what the harness of the tests wants, and the error of what
// failed there. What fn started ends before it returns.
func With(ctx context.Context, log *slog.Logger, fn func(t testing.TB)) error {
	t := &harnessed{ctx: ctx, log: log}
	t.part(func() { fn(t) })
	for len(t.cleanups) > 0 {
		last := len(t.cleanups) - 1
		end := t.cleanups[last]
		t.cleanups = t.cleanups[:last]
		t.part(end)
	}
	return errors.Join(t.failed...)
}

// harnessed is a testing.TB outside of a test. Only what the harness uses is
// there; it is for one goroutine at a time.
type harnessed struct {
	testing.TB

	ctx      context.Context
	log      *slog.Logger
	cleanups []func()
	failed   []error
}

// part runs fn in a goroutine of its own, which Fatal ends.
func (t *harnessed) part(fn func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fn()
	}()
	<-ended
}

func (t *harnessed) Helper()                  {}
func (t *harnessed) Name() string             { return "bench" }
func (t *harnessed) Context() context.Context { return t.ctx }
func (t *harnessed) Failed() bool             { return len(t.failed) > 0 }
func (t *harnessed) Cleanup(fn func())        { t.cleanups = append(t.cleanups, fn) }

func (t *harnessed) Logf(format string, args ...any) { t.log.Info(fmt.Sprintf(format, args...)) }

func (t *harnessed) Errorf(format string, args ...any) {
	t.failed = append(t.failed, fmt.Errorf(format, args...))
}

func (t *harnessed) Error(args ...any) {
	t.failed = append(t.failed, errors.New(strings.TrimSuffix(fmt.Sprintln(args...), "\n")))
}

func (t *harnessed) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	t.FailNow()
}

func (t *harnessed) Fatal(args ...any) {
	t.Error(args...)
	t.FailNow()
}

func (t *harnessed) FailNow() { runtime.Goexit() }

func (t *harnessed) TempDir() string {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
