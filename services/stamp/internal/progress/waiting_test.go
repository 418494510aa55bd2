package progress

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
)

// held is an operation that has not begun.
func held() *typev1.OperationMetadata {
	return &typev1.OperationMetadata{State: typev1.OperationMetadata_QUEUED, CreateTime: at(0), Obstacles: []*typev1.Obstacle{
		{Code: "BEHIND_OPERATION", Message: "It comes after acme.2.", NextAction: "Wait for it."}, {Code: "HELD", Message: "Held by dana."},
	}}
}

func TestPlainSaysWhatItWaitsForAndThatItStillDoes(t *testing.T) {
	var out bytes.Buffer
	clock := zero
	p := newPlain(&out)
	p.now, p.said = func() time.Time { return clock }, clock
	step := func(after time.Duration, op *typev1.OperationMetadata, want string) {
		t.Helper()
		clock = clock.Add(after)
		out.Reset()
		p.show(op)
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", out.String(), want)
		}
	}
	told := "waiting: It comes after acme.2. (BEHIND_OPERATION)\n  next: Wait for it.\nwaiting: Held by dana. (HELD)\n"
	step(time.Second, held(), told)
	step(29*time.Second, held(), "")
	step(time.Second, held(), " 31.0s  waiting: It comes after acme.2. …\n")
	step(time.Second, held(), "")

	begun := proto.CloneOf(held())
	begun.Obstacles, begun.State, begun.Steps = nil, typev1.OperationMetadata_RUNNING, []*typev1.Step{going("app", "migrate")}
	step(time.Second, begun, " 33.0s  app.migrate begins\n")
	step(time.Minute, begun, " 1m33s  app.migrate …\n")

	again := proto.CloneOf(begun)
	again.State, again.Steps = typev1.OperationMetadata_RETRYING, nil
	again.Failure = &typev1.Failure{Code: typev1.Failure_DISK_FULL, Message: "the disk is full", Attempt: 2, NextRetryTime: at(103)}
	step(time.Second, again, "attempt 2 failed: the disk is full (DISK_FULL); again in 9.0s\n")
	step(time.Second, again, "")
	step(time.Second, held(), told)
}

// going is one that began after 33 s, and goes on.
func going(component, action string) *typev1.Step { return step(component, action, 33, -1) }

func TestLiveSaysWhatItWaitsFor(t *testing.T) {
	var out bytes.Buffer
	l := &live{out: &out}
	l.show(held())
	l.away()
	for _, want := range []string{"waiting: It comes after acme.2. (BEHIND_OPERATION)", "next: Wait for it.", "waiting: Held by dana. (HELD)", "\x1b[3A", noAnswer} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in %q", want, out.String())
		}
	}
}

func TestSilenceIsToldOnce(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*pollEvery)
	defer cancel()
	var out bytes.Buffer
	_, err := Watch(ctx, client.New(client.Config{Address: srv.URL}), "operations/x.1", &out, false)
	if err == nil || out.String() != noAnswer+"\n" {
		t.Errorf("got %v, %q", err, out.String())
	}
}
