package errs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
)

var errNoCell = errs.New(errs.FailedPrecondition, "NO_CELL", "no cell fits")

func TestDecoratedCopyIsStillTheSameError(t *testing.T) {
	err := fmt.Errorf("place acme: %w", errNoCell.With("plan", "team").With("region", "eu").After(time.Second).Because(io.EOF))
	if !errors.Is(err, errNoCell) {
		t.Error("a decorated copy is not the error that it was made from")
	}
	if !errors.Is(err, io.EOF) {
		t.Error("the cause is not found")
	}
	got, ok := errs.As(err)
	if !ok || got.Metadata["plan"] != "team" || got.Metadata["region"] != "eu" || got.RetryAfter != time.Second {
		t.Errorf("decoration lost: %+v", got)
	}
	if errNoCell.Metadata != nil || errNoCell.RetryAfter != 0 {
		t.Errorf("the original was changed: %+v", errNoCell)
	}
	if errors.Is(errNoCell, got) {
		t.Error("the original must not be its copy")
	}
	if other := errs.New(errs.FailedPrecondition, "NO_CELL", "no cell fits"); errors.Is(err, other) {
		t.Error("two errors made apart must differ")
	}
}

func TestNewWraps(t *testing.T) {
	err := errs.New(errs.NotFound, "", "get %q: %w", "acme", io.ErrUnexpectedEOF)
	if err.Error() != `get "acme": unexpected EOF` || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, cause %v", err, err.Unwrap())
	}
	if err.Reason != "NOT_FOUND" {
		t.Errorf("reason %q", err.Reason)
	}
	if two := errs.New(errs.Internal, "", "%w, %w", io.EOF, errNoCell); !errors.Is(two, io.EOF) || !errors.Is(two, errNoCell) {
		t.Error("two wrapped errors are not both found")
	}
}

func TestInvalidListsItsViolations(t *testing.T) {
	err := errs.Invalid("BAD_TENANT", errs.Violation{Field: "tenant.plan", Description: "is required"}, errs.Violation{Description: "too many inputs"})
	if want := "tenant.plan: is required; too many inputs"; err.Error() != want {
		t.Errorf("got %q, want %q", err.Error(), want)
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		err    error
		kind   errs.Kind
		reason string
	}{
		{nil, errs.Internal, ""},
		{io.EOF, errs.Internal, "INTERNAL"},
		{fmt.Errorf("read: %w", context.DeadlineExceeded), errs.DeadlineExceeded, "DEADLINE_EXCEEDED"},
		{context.Canceled, errs.Canceled, "CANCELED"},
		{fmt.Errorf("a: %w", errNoCell), errs.FailedPrecondition, "NO_CELL"},
		{errors.Join(io.EOF, errNoCell), errs.FailedPrecondition, "NO_CELL"},
	} {
		if got := errs.KindOf(c.err); got != c.kind {
			t.Errorf("KindOf(%v) = %v, want %v", c.err, got, c.kind)
		}
		if got := errs.ReasonOf(c.err); got != c.reason {
			t.Errorf("ReasonOf(%v) = %q, want %q", c.err, got, c.reason)
		}
	}
	if errs.Is(nil, errs.Internal) {
		t.Error("nil has no kind")
	}
}

func TestEveryKindHasANameAndAReason(t *testing.T) {
	seen := map[string]errs.Kind{}
	for k := errs.Internal; k <= errs.Canceled; k++ {
		reason := errs.New(k, "", "x").Reason
		if before, dup := seen[reason]; dup {
			t.Errorf("%v and %v share the reason %s", before, k, reason)
		}
		seen[reason] = k
		if k.String() == "" {
			t.Errorf("kind %d has no name", k)
		}
	}
	if got := errs.Kind(99).String(); got != "kind 99" {
		t.Errorf("got %q", got)
	}
}

func TestNamingSaysWhich(t *testing.T) {
	missing := errs.New(errs.NotFound, "TENANT_MISSING", "tenant does not exist")
	for name, want := range map[string]string{
		"tenants/acme":                `tenant "acme" does not exist`,
		"sources/crm/deliveries/3f2a": `tenant "sources/crm/deliveries/3f2a" does not exist`,
		"":                            "tenant does not exist",
	} {
		got := missing.Naming("tenant", name)
		if got.Error() != want || got.Metadata["tenant"] != name || !errors.Is(got, missing) {
			t.Errorf("%q: got %q, %v, want %q", name, got, got.Metadata, want)
		}
	}
	if got := missing.Naming("deal", "1"); got.Error() != "tenant does not exist" {
		t.Errorf("a message about something else: got %q", got)
	}
}
