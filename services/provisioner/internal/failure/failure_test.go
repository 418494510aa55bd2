package failure_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

func TestEveryCodeHasOwnerAndNextAction(t *testing.T) {
	for n, name := range typev1.Failure_Code_name {
		if n == 0 {
			continue
		}
		f := failure.New(typev1.Failure_Code(n), "", "x").Failure
		if f.GetOwner() == typev1.Failure_OWNER_UNSPECIFIED {
			t.Errorf("%s has no owner", name)
		}
		if !strings.HasSuffix(f.GetNextAction(), ".") {
			t.Errorf("%s: next action %q is not a sentence", name, f.GetNextAction())
		}
	}
}

func TestOf(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want typev1.Failure_Code
	}{
		{"its own", fmt.Errorf("step: %w", failure.New(typev1.Failure_SMOKE_FAILED, "", "x")), typev1.Failure_SMOKE_FAILED},
		{"a reason that is a code", errs.New(errs.FailedPrecondition, "PROGRAM_MISSING", "no postgres"), typev1.Failure_PROGRAM_MISSING},
		{"no space", fmt.Errorf("write: %w", syscall.ENOSPC), typev1.Failure_DISK_FULL},
		{"port", fmt.Errorf("bind: %w", syscall.EADDRINUSE), typev1.Failure_PORT_TAKEN},
		{"full", errs.New(errs.ResourceExhausted, "PORTS", "no ports"), typev1.Failure_CAPACITY_EXHAUSTED},
		{"away", errs.New(errs.Unavailable, "", "gone"), typev1.Failure_CELL_UNREACHABLE},
		{"anything", errors.New("boom"), typev1.Failure_DRIVER_ERROR},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := failure.Of(c.err, "db")
			if f.GetCode() != c.want || f.GetComponent() != "db" {
				t.Errorf("got %s of %q, want %s of db", f.GetCode(), f.GetComponent(), c.want)
			}
		})
	}
}

// A command that its own artifact does not have is the product's mistake, and said
// once.
func TestProgramNotInArtifact(t *testing.T) {
	f := failure.Of(errs.New(errs.FailedPrecondition, "PROGRAM_NOT_IN_ARTIFACT", "find program %q", "desk"), "app")
	if f.GetCode() != typev1.Failure_PROGRAM_MISSING || f.GetOwner() != typev1.Failure_PRODUCT || f.GetRetryable() ||
		!strings.HasPrefix(f.GetNextAction(), "Correct the command or the artifact") || len(f.GetEvidence()) != 0 {
		t.Errorf("failure %v", f)
	}
}

func TestAttempt(t *testing.T) {
	for _, c := range []struct {
		code    typev1.Failure_Code
		attempt int32
		retry   bool
	}{
		{typev1.Failure_MIGRATION_FAILED, 1, false},
		{typev1.Failure_SETUP_FAILED, 2, true},
		{typev1.Failure_SETUP_FAILED, 3, false},
		{typev1.Failure_DISK_FULL, 1000, true},
	} {
		f := failure.Attempt(failure.New(c.code, "", "x").Failure, c.attempt)
		if f.GetRetryable() != c.retry || f.GetAttempt() != c.attempt {
			t.Errorf("%s, attempt %d: retryable %v, want %v", c.code, c.attempt, f.GetRetryable(), c.retry)
		}
	}
}

func TestBackoffGrowsToFiveMinutes(t *testing.T) {
	for attempt, want := range map[int32]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 40: 5 * time.Minute} {
		if got := failure.Backoff(attempt, 0); got != want {
			t.Errorf("after attempt %d: %v, want %v", attempt, got, want)
		}
		if got := failure.Backoff(attempt, 0.99); got < want*3/4 || got >= want {
			t.Errorf("after attempt %d with jitter: %v of %v", attempt, got, want)
		}
	}
}

func TestEvidenceKeepsTheEnd(t *testing.T) {
	lines := strings.Split(strings.Repeat("x\n", 40)+"last", "\n")
	f := failure.New(typev1.Failure_SETUP_FAILED, "db", "x", lines...).Failure
	if n := len(f.GetEvidence()); n != 20 || f.GetEvidence()[19] != "last" {
		t.Errorf("%d lines, last %q", n, f.GetEvidence()[n-1])
	}
}
