package interceptor_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/interceptor"
)

func TestStopping(t *testing.T) {
	untilEnd := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, c := range map[string]struct {
		stream  bool
		handler func(context.Context) error
		want    error
		reason  string
	}{
		"a stream that waits":      {true, untilEnd, context.Canceled, "SERVER_STOPPING"},
		"a stream that ended well": {true, func(context.Context) error { return nil }, nil, ""},
		"a unary call is left alone": {false, func(ctx context.Context) error {
			if ctx.Err() != nil {
				t.Error("its context ended")
			}
			return io.EOF
		}, io.EOF, "INTERNAL"},
	} {
		server, stop := context.WithCancel(t.Context())
		stop()
		err := interceptor.Stopping(server)(t.Context(), &interceptor.Call{Stream: c.stream}, c.handler)
		if !errors.Is(err, c.want) || errs.ReasonOf(err) != c.reason {
			t.Errorf("%s: got %v", name, err)
		}
	}
	err := interceptor.Stopping(t.Context())(t.Context(), &interceptor.Call{Stream: true}, func(context.Context) error { return io.EOF })
	if err != io.EOF { //nolint:errorlint // unchanged means the very value
		t.Errorf("before the stop: got %v", err)
	}
}
