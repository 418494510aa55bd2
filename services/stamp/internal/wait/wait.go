// Package wait waits for an operation on behalf of a command: it shows the
// steps on stderr, and says how it ended in words and by exit code. To stop
// waiting never stops the operation.
package wait

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/progress"
	"stampworks.dev/services/stamp/internal/session"
)

// For waits until an operation ends. One that failed is an *exit.Error, and
// so is an end of the waiting.
func For(ctx context.Context, s *session.Session, c *client.Client, operation string) (*typev1.OperationMetadata, error) {
	bounded, cancel := s.Bounded(ctx, session.DefaultWait)
	defer cancel()
	if final, done, err := progress.Read(bounded, c, operation); err == nil && done && Failed(operation, final) == nil {
		s.Say("%s", Summary(final)) // nobody waited: its steps are old news
		return final, nil
	}
	final, err := progress.Watch(bounded, c, operation, s.Err, s.Terminal)
	again := "look again with: stamp operation wait " + strings.TrimPrefix(operation, "operations/")
	switch {
	case errors.Is(err, context.Canceled):
		return final, &exit.Error{Code: exit.Interrupted, Message: "still going on; " + again}
	case errors.Is(err, context.DeadlineExceeded):
		return final, &exit.Error{Code: exit.TimedOut, Message: "not done in time, and still going on" + blocked(final) + "; " + again}
	case progress.Passing(err):
		return final, lost(err, again)
	case err != nil:
		return final, err
	}
	if err := Failed(operation, final); err != nil {
		return final, withAftermath(ctx, c, final, err)
	}
	s.Say("%s", Summary(final))
	return final, nil
}

// lost says that the wait was given up, and that nothing else was: whoever reads
// only that nobody answers begins it all again.
func lost(err error, again string) error {
	what, _, _ := strings.Cut(err.Error(), "\n")
	return &exit.Error{Code: exit.Unavailable, Message: "the wait was given up, for Stampworks does not answer any more: " + what,
		Next: "what was begun is not lost, and goes on once Stampworks is back; " + again}
}

// Started waits for an operation that was just begun, unless it is done.
func Started(ctx context.Context, s *session.Session, c *client.Client, op *longrunningpb.Operation) error {
	if op.GetDone() && op.GetError() == nil {
		return nil
	}
	_, err := For(ctx, s, c, op.GetName())
	return err
}

// Summary is how an operation ended well, in one line.
func Summary(op *typev1.OperationMetadata) string {
	tenant := strings.TrimPrefix(op.GetTenant(), "tenants/")
	took := progress.Seconds(progress.Elapsed(op, op.GetEndTime().AsTime()))
	done := strings.ToLower(op.GetKind().String()) + " of " + tenant + " done in " + took
	if op.GetUrl() != "" && (op.GetKind() == typev1.OperationMetadata_CREATE || op.GetKind() == typev1.OperationMetadata_RESUME) {
		return tenant + " answers at " + op.GetUrl() + " after " + took
	}
	return done
}

// Failed is an error when the operation ended without success: what, the
// evidence, and what to do next.
func Failed(name string, op *typev1.OperationMetadata) error {
	what := "operation " + strings.TrimPrefix(name, "operations/")
	switch op.GetState() {
	case typev1.OperationMetadata_CANCELLED:
		return &exit.Error{Code: exit.OperationFailed, Message: what + " was cancelled"}
	case typev1.OperationMetadata_SUPERSEDED:
		return &exit.Error{Code: exit.OperationFailed, Message: what + " was superseded by a newer generation"}
	case typev1.OperationMetadata_FAILED:
		return &exit.Error{Code: exit.OperationFailed, Message: what + " failed: " + strings.Join(Explain(op.GetFailure()), "\n  ")}
	}
	return nil
}

// Explain tells a failure in lines: what, the evidence, whose turn it is.
func Explain(f *typev1.Failure) []string {
	if f == nil {
		return []string{"nobody said why"}
	}
	what := f.GetMessage()
	if what == "" {
		what = f.GetCode().String()
	}
	if f.GetComponent() != "" && !strings.Contains(what, f.GetComponent()) {
		what = f.GetComponent() + ": " + what
	}
	lines := []string{printer.Safe(fmt.Sprintf("%s (%s)", what, f.GetCode()))}
	for _, e := range f.GetEvidence() {
		lines = append(lines, "| "+printer.Safe(e))
	}
	if f.GetNextAction() != "" {
		lines = append(lines, fmt.Sprintf("next, for %s: %s", strings.ToLower(f.GetOwner().String()), f.GetNextAction()))
	}
	return lines
}

func blocked(op *typev1.OperationMetadata) string {
	for _, o := range op.GetObstacles() {
		return " (" + o.GetMessage() + ")"
	}
	return ""
}
