package rpcerr_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/rpcerr"
)

func TestEveryKindSurvivesTheWire(t *testing.T) {
	seen := map[codes.Code]errs.Kind{}
	for k := errs.Internal; k <= errs.Canceled; k++ {
		code := rpcerr.Code(k)
		if before, twice := seen[code]; twice {
			t.Errorf("%v and %v are both %v", before, k, code)
		}
		seen[code] = k
		sent := &errs.Error{
			Kind: k, Reason: "SOME_REASON", Message: "some words", Metadata: map[string]string{"a": "b"}, RetryAfter: time.Minute,
			Violations: []errs.Violation{{Field: "tenant.plan", Description: "is required"}},
		}
		got, ok := errs.As(rpcerr.FromError(rpcerr.ToStatus(sent).Err(), "registry"))
		if !ok {
			t.Fatalf("%v came back without a kind", k)
		}
		if got.Kind != k || got.Reason != sent.Reason || got.Message != sent.Message || got.RetryAfter != sent.RetryAfter ||
			!reflect.DeepEqual(got.Metadata, sent.Metadata) || !reflect.DeepEqual(got.Violations, sent.Violations) {
			t.Errorf("sent %+v\ngot  %+v", sent, got)
		}
	}
}

func TestWhatTheCallerSees(t *testing.T) {
	inner := errs.New(errs.NotFound, "TENANT_MISSING", "tenant is missing")
	for _, c := range []struct {
		err     error
		code    codes.Code
		message string
	}{
		{nil, codes.OK, ""},
		{io.ErrUnexpectedEOF, codes.Internal, rpcerr.HiddenMessage},
		{fmt.Errorf("get acme: %w", inner), codes.NotFound, "get acme: tenant is missing"},
		{errors.Join(io.ErrUnexpectedEOF, inner), codes.NotFound, "tenant is missing"},
		{inner.Because(io.ErrUnexpectedEOF), codes.NotFound, "tenant is missing"},
		{fmt.Errorf("read key 7: %w", context.DeadlineExceeded), codes.DeadlineExceeded, "deadline exceeded"},
		{context.Canceled, codes.Canceled, "canceled"},
		{status.Error(codes.Unimplemented, "method X"), codes.Unimplemented, "method X"},
		{status.Error(codes.Unknown, "secret"), codes.Internal, rpcerr.HiddenMessage},
	} {
		if s := rpcerr.ToStatus(c.err); s.Code() != c.code || s.Message() != c.message {
			t.Errorf("%v: got %v %q, want %v %q", c.err, s.Code(), s.Message(), c.code, c.message)
		}
	}
}

func TestWhatTheTransportSays(t *testing.T) {
	for _, c := range []struct {
		err     error
		kind    errs.Kind
		message string
	}{
		{status.Error(codes.Unavailable, "dial tcp 10.0.0.1:1: refused"), errs.Unavailable, "registry is not reachable"},
		{status.Error(codes.DeadlineExceeded, "context deadline exceeded"), errs.DeadlineExceeded, "registry did not answer in time"},
		{status.Error(codes.ResourceExhausted, "grpc: received message larger than max (5 vs. 4)"), errs.TooLarge, "message is larger than allowed"},
		{status.Error(codes.Unknown, "secret"), errs.Internal, rpcerr.HiddenMessage},
		{status.Error(codes.Unimplemented, "unknown method X"), errs.Unimplemented, "unknown method X"},
	} {
		e, ok := errs.As(rpcerr.FromError(c.err, "registry"))
		if !ok || e.Kind != c.kind || e.Message != c.message || e.Reason == "" {
			t.Errorf("%v: got %+v", c.err, e)
		}
		if !errors.Is(e, c.err) || status.Code(e) != status.Code(c.err) {
			t.Errorf("%v: the original is not the cause", c.err)
		}
	}
	if !errors.Is(rpcerr.FromError(io.EOF, "x"), io.EOF) || rpcerr.FromError(nil, "x") != nil {
		t.Error("io.EOF and nil must stay as they are")
	}
}

func TestTextThatIsNotUTF8DoesNotBreakTheStatus(t *testing.T) {
	s := rpcerr.ToStatus(errs.New(errs.NotFound, "X", "gone").With("name", "\xff"))
	if s.Code() != codes.NotFound || s.Message() != "gone" {
		t.Errorf("got %v", s)
	}
}
