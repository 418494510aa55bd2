package rpc_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/interceptor"
	"stampworks.dev/pkg/rpc/internal/echo"
)

func TestViolationsReachTheClient(t *testing.T) {
	conn := serve(t, repeat).Dial(t, "gateway")
	_, unary := echo.Call(t.Context(), conn, "GetNote", "")
	_, stream := chat(t, t.Context(), conn, "Chat", "")
	_, watch := chat(t, t.Context(), conn, "WatchNotes", strings.Repeat("x", 41))
	for name, err := range map[string]error{"unary": unary, "stream": stream, "watch": watch} {
		e := wantKind(t, err, errs.InvalidArgument, interceptor.ReasonInvalidRequest)
		if len(e.Violations) != 1 || e.Violations[0].Field != "text" || !strings.Contains(e.Violations[0].Description, "character") {
			t.Errorf("%s: got %+v", name, e.Violations)
		}
	}
}

func TestKindsReachTheClient(t *testing.T) {
	want := errs.New(errs.Conflict, "ETAG_MISMATCH", "etag is old").With("etag", "7").After(3 * time.Second).Because(errors.New("hidden words"))
	conn := serve(t, func(context.Context, string) (string, error) { return "", want }).Dial(t, "gateway")
	_, unary := echo.Call(t.Context(), conn, "GetNote", "x")
	_, stream := chat(t, t.Context(), conn, "Chat", "x")
	for name, err := range map[string]error{"unary": unary, "stream": stream} {
		e := wantKind(t, err, errs.Conflict, "ETAG_MISMATCH")
		if e.Message != "etag is old" || e.Metadata["etag"] != "7" || e.RetryAfter != 3*time.Second {
			t.Errorf("%s: got %+v", name, e)
		}
		if strings.Contains(e.Unwrap().Error(), "hidden") {
			t.Errorf("%s: the cause left the server: %v", name, e.Unwrap())
		}
	}
}

func TestUnknownErrorsAreHiddenAndLoggedOnce(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("password is hunter2") },
		"panic": func() error { panic("password is hunter2") },
	} {
		t.Run(name, func(t *testing.T) {
			var out logs
			srv := serveWith(t, rpc.ServerDeps{Log: out.logger(slog.LevelInfo)}, func(context.Context, string) (string, error) { return "", fail() })
			conn := srv.Dial(t, "gateway")
			for kind, call := range map[string]func() error{
				"unary":  func() error { _, err := echo.Call(t.Context(), conn, "GetNote", "x"); return err },
				"stream": func() error { _, err := chat(t, t.Context(), conn, "Chat", "x"); return err },
			} {
				before := strings.Count(out.String(), "hunter2")
				err := call()
				if !errs.Is(err, errs.Internal) || err.Error() != "internal error" {
					t.Errorf("%s: the caller reads %v", kind, err)
				}
				if got := strings.Count(out.String(), "hunter2") - before; got != 1 {
					t.Errorf("%s: logged %d times:\n%s", kind, got, out.String())
				}
			}
		})
	}
}

func TestRefusalsAreLoggedAndWrongRequestsAreNot(t *testing.T) {
	var out logs
	srv := serveWith(t, rpc.ServerDeps{Log: out.logger(slog.LevelWarn)}, repeat)
	_, _ = echo.Call(t.Context(), srv.Dial(t, "gateway"), "GetNote", "")
	if out.String() != "" {
		t.Errorf("a wrong request is in the log: %s", out.String())
	}
	_, _ = echo.Call(t.Context(), srv.Dial(t, "health"), "GetNote", "x")
	for _, want := range []string{"CALLER_NOT_ALLOWED", "peer=health", "method=" + echo.Method("GetNote")} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %q", want, out.String())
		}
	}
}

func TestDeadlines(t *testing.T) {
	left := func(ctx context.Context, _ string) (string, error) {
		end, set := ctx.Deadline()
		if !set {
			return "none", nil
		}
		return time.Until(end).Round(10 * time.Second).String(), nil
	}
	srv := serve(t, left)
	conn := srv.Dial(t, "gateway")
	if got, err := echo.Call(t.Context(), conn, "GetNote", "x"); err != nil || got != "10s" {
		t.Errorf("the client's default: got %q, %v", got, err)
	}
	long, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if got, err := echo.Call(long, conn, "GetNote", "x"); err != nil || got != "1m0s" {
		t.Errorf("a deadline of the caller's own: got %q, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := echo.Stream(ctx, conn, "Chat")
	if err != nil {
		t.Fatal(err)
	}
	if err := echo.Send(s, "x"); err != nil {
		t.Fatal(err)
	}
	if got, err := echo.Recv(s); err != nil || got != "none" {
		t.Errorf("a stream: got %q, %v", got, err)
	}
}

func TestTheServerGivesADeadlineWhenTheClientDoesNot(t *testing.T) {
	var end time.Time
	var set bool
	call := &interceptor.Call{Method: "m"}
	start := time.Now()
	next := func(ctx context.Context) error { end, set = ctx.Deadline(); return nil }
	if err := interceptor.Deadline(interceptor.DefaultDeadline)(context.Background(), call, next); err != nil {
		t.Fatal(err)
	}
	if d := end.Sub(start); !set || d < 29*time.Second || d > 31*time.Second {
		t.Errorf("deadline %v, %v", set, d)
	}
	call.Stream = true
	_ = interceptor.Deadline(interceptor.DefaultDeadline)(context.Background(), call, next)
	if set {
		t.Error("a stream got a deadline")
	}
}

func TestTimeoutsAndCancellationHaveKinds(t *testing.T) {
	conn := serve(t, func(ctx context.Context, _ string) (string, error) { <-ctx.Done(); return "", ctx.Err() }).Dial(t, "gateway")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err := echo.Call(ctx, conn, "GetNote", "x")
	if !errs.Is(err, errs.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	_, err = echo.Call(ctx, conn, "GetNote", "x")
	if !errs.Is(err, errs.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAStreamEndsWithEOF(t *testing.T) {
	conn := serve(t, repeat).Dial(t, "gateway")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := echo.Stream(ctx, conn, "Chat")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"a", "b"} {
		if err := echo.Send(s, text); err != nil {
			t.Fatal(err)
		}
		if got, err := echo.Recv(s); err != nil || got != text {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := echo.Recv(s); err != io.EOF { //nolint:errorlint // the very value: generated code compares it so
		t.Errorf("got %v, want io.EOF", err)
	}
}

func TestTooLargeAMessage(t *testing.T) {
	conn := serve(t, repeat).Dial(t, "gateway")
	_, err := echo.Call(t.Context(), conn, "GetNote", strings.Repeat("x", rpc.MaxMessage+1))
	_ = wantKind(t, err, errs.TooLarge, "TOO_LARGE")
}
