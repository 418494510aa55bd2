package etcd

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestCheckNamesTheEtcdThatDoesNotAnswer(t *testing.T) {
	b, err := New(t.Context(), Config{Endpoints: []string{"127.0.0.1:1"}}, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.Check(ctx); err == nil || !strings.Contains(err.Error(), "etcd at 127.0.0.1:1 does not answer") {
		t.Errorf("got %v", err)
	}
}

func TestWatchdogSaysOnceThatEtcdIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		answers, done := make(chan error), make(chan struct{})
		go func() {
			defer close(done)
			watchdog(ctx, func(context.Context) error { return <-answers }, slog.New(slog.NewTextHandler(&out, nil)))
		}()
		for _, next := range []error{nil, errors.New("away"), errors.New("away"), nil, nil} {
			answers <- next
		}
		synctest.Wait()
		cancel()
		<-done
		log := out.String()
		if strings.Count(log, "level=WARN") != 1 || strings.Count(log, "answers again") != 1 || strings.Count(log, "\n") != 2 {
			t.Errorf("got\n%s", log)
		}
	})
}
