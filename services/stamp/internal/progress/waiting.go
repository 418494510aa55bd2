package progress

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// waiting says what holds an operation up, whose turn it is, and when a failed
// attempt is made again; nothing while its steps go on.
func waiting(op *typev1.OperationMetadata, now time.Time) []string {
	var lines []string
	for _, o := range op.GetObstacles() {
		lines = append(lines, fmt.Sprintf("waiting: %s (%s)", o.GetMessage(), o.GetCode()))
		if o.GetNextAction() != "" {
			lines = append(lines, "  next: "+o.GetNextAction())
		}
	}
	if f := op.GetFailure(); f != nil && op.GetState() == typev1.OperationMetadata_RETRYING {
		line := fmt.Sprintf("attempt %d failed: %s (%s)", max(f.GetAttempt(), 1), f.GetMessage(), f.GetCode())
		if at := f.GetNextRetryTime(); at != nil && at.AsTime().After(now) {
			line += "; again in " + Seconds(at.AsTime().Sub(now))
		}
		lines = append(lines, line)
	}
	return lines
}

// word is how far an operation is, in one word.
func word(op *typev1.OperationMetadata) string {
	return strings.ToLower(cmp.Or(op.GetState(), typev1.OperationMetadata_QUEUED).String())
}

// doing is what goes on of an operation now, for a sign of life.
func doing(op *typev1.OperationMetadata) string {
	var running []string
	for _, s := range op.GetSteps() {
		if s.GetState() == typev1.Step_RUNNING {
			running = append(running, s.GetId())
		}
	}
	if len(running) > 0 {
		return strings.Join(running, ", ")
	}
	for _, o := range op.GetObstacles() {
		return "waiting: " + o.GetMessage()
	}
	return word(op)
}
