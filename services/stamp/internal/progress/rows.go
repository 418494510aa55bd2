package progress

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// Whole is the name of the row of steps that are about no single component.
const Whole = "stamp"

// Row is what an operation did, does and will do to one component.
type Row struct {
	// Name is the component's, or Whole.
	Name string
	// State is FAILED when a step failed, else RUNNING when one runs, PENDING
	// when one is to come, DONE when all are done.
	State typev1.Step_State
	// Start and End are when its first step began and its last one ended, as
	// times since the operation began; End is now while a step runs.
	Start, End time.Duration
	// Parts are its steps that began, in the order in which they did.
	Parts []Part
	// Trouble is the message of the step that failed.
	Trouble string
}

// Part is one step of a row.
type Part struct {
	// Action is what is done, such as "migrate".
	Action string
	// State is how far it is.
	State typev1.Step_State
	// Start and End are times since the operation began.
	Start, End time.Duration
}

// Took is how long the part took, or takes until now.
func (p Part) Took() time.Duration { return p.End - p.Start }

// Took is from the row's first begin to its last end.
func (r Row) Took() time.Duration { return r.End - r.Start }

// Began is when an operation's time begins: with its first step, or when it
// was asked for.
func Began(op *typev1.OperationMetadata) time.Time {
	at := op.GetCreateTime()
	if at == nil {
		at = op.GetStartTime()
	}
	if at == nil {
		return time.Time{}
	}
	return at.AsTime()
}

// Elapsed is how long an operation took, or takes until now.
func Elapsed(op *typev1.OperationMetadata, now time.Time) time.Duration {
	if end := op.GetEndTime(); end != nil {
		now = end.AsTime()
	}
	if began := Began(op); !began.IsZero() && now.After(began) {
		return now.Sub(began)
	}
	return 0
}

// Rows are an operation's components in the order in which their steps began,
// then those still to come; last, where it has steps, the stamp as a whole.
func Rows(op *typev1.OperationMetadata, now time.Time) []Row {
	var rows []Row
	whole := Row{Name: Whole}
	began := Began(op)
	for _, step := range op.GetSteps() {
		if step.GetComponent() == "" {
			whole.add(step, began, now)
			continue
		}
		i := slices.IndexFunc(rows, func(r Row) bool { return r.Name == step.GetComponent() })
		if i < 0 {
			rows = append(rows, Row{Name: step.GetComponent()})
			i = len(rows) - 1
		}
		rows[i].add(step, began, now)
	}
	if whole.State != typev1.Step_STATE_UNSPECIFIED {
		rows = append(rows, whole)
	}
	return rows
}

func (r *Row) add(step *typev1.Step, began, now time.Time) {
	r.State = worse(r.State, step.GetState())
	if step.GetState() == typev1.Step_FAILED {
		r.Trouble = step.GetMessage()
	}
	if step.GetStartTime() == nil {
		return
	}
	start := since(began, step.GetStartTime(), now)
	end := max(since(began, step.GetEndTime(), now), start)
	if len(r.Parts) == 0 || start < r.Start {
		r.Start = start
	}
	r.End = max(r.End, end)
	r.Parts = append(r.Parts, Part{Action: step.GetAction(), State: step.GetState(), Start: start, End: end})
}

func since(began time.Time, at *timestamppb.Timestamp, now time.Time) time.Duration {
	if at != nil {
		now = at.AsTime()
	}
	return max(now.Sub(began), 0)
}

// worse picks what a row with both states is in.
func worse(a, b typev1.Step_State) typev1.Step_State {
	order := []typev1.Step_State{
		typev1.Step_STATE_UNSPECIFIED, typev1.Step_SKIPPED, typev1.Step_DONE, typev1.Step_PENDING, typev1.Step_RUNNING, typev1.Step_FAILED,
	}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}
