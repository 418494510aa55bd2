package progress

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

var zero = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func at(seconds float64) *timestamppb.Timestamp {
	return timestamppb.New(zero.Add(time.Duration(seconds * float64(time.Second))))
}

// step makes a step; a negative end is one that still runs.
func step(component, action string, start, end float64) *typev1.Step {
	s := &typev1.Step{Id: component + "." + action, Component: component, Action: action, State: typev1.Step_DONE, StartTime: at(start), EndTime: at(end)}
	if end < 0 {
		s.State, s.EndTime = typev1.Step_RUNNING, nil
	}
	return s
}

func acme() *typev1.OperationMetadata {
	return &typev1.OperationMetadata{
		State: typev1.OperationMetadata_RUNNING, CreateTime: at(0),
		Steps: []*typev1.Step{
			{Id: "place", Action: "place", State: typev1.Step_DONE, StartTime: at(0), EndTime: at(0.02)},
			step("db", "setup", 0.1, 1.1), step("db", "start", 1.1, 1.15), step("db", "ready", 1.15, 1.6),
			step("queue", "start", 0.1, 0.15), step("queue", "ready", 0.15, 0.8),
			step("app", "migrate", 1.6, -1),
			{Id: "app.start", Component: "app", Action: "start", State: typev1.Step_PENDING},
			{Id: "edge.start", Component: "edge", Action: "start", State: typev1.Step_PENDING},
		},
	}
}

func TestRowsAreComponentsInTheOrderTheyBegan(t *testing.T) {
	rows := Rows(acme(), zero.Add(2*time.Second))
	var names []string
	for _, r := range rows {
		names = append(names, r.Name+" "+r.State.String())
	}
	want := "db DONE, queue DONE, app RUNNING, edge PENDING, stamp DONE"
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if db := rows[0]; db.Start != 100*time.Millisecond || db.Took() != 1500*time.Millisecond {
		t.Errorf("db: from %v, took %v", db.Start, db.Took())
	}
	if app := rows[2]; app.Took() != 400*time.Millisecond {
		t.Errorf("a running step takes until now: got %v", app.Took())
	}
}

func TestLines(t *testing.T) {
	got := strings.Join(Lines(acme(), zero.Add(2*time.Second)), "\n")
	want := strings.Join([]string{
		"db      ████████████░░  1.5s  setup 1.0s · ready 0.5s",
		"queue   ██████░░░░░░░░  0.7s",
		"app     ░░░░░░░░░░░███  0.4s  migrate 0.4s …",
		"edge    ░░░░░░░░░░░░░░",
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAFailureSaysWhy(t *testing.T) {
	op := acme()
	op.Steps[6].State, op.Steps[6].EndTime, op.Steps[6].Message = typev1.Step_FAILED, at(1.9), "exit code 1"
	op.EndTime = at(2)
	lines := Lines(op, zero.Add(time.Hour))
	if want := "migrate failed · exit code 1"; !strings.HasSuffix(lines[2], want) {
		t.Errorf("got %q, want it to end with %q", lines[2], want)
	}
	if !strings.HasPrefix(lines[1], "queue   ██████░░░░░░░░") {
		t.Errorf("an operation that ended has its own length: got %q", lines[1])
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0s", 90 * time.Millisecond: "0.1s", 59900 * time.Millisecond: "59.9s",
		72 * time.Second: "1m12s", 3*time.Hour + 4*time.Minute: "3h04m",
	} {
		if got := Seconds(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}
