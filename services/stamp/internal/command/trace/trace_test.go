package trace

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

func TestWaterfall(t *testing.T) {
	asked := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) *timestamppb.Timestamp {
		return timestamppb.New(asked.Add(time.Duration(seconds) * time.Second))
	}
	step := func(id string, start, end int, after ...string) *typev1.Step {
		return &typev1.Step{Id: id, State: typev1.Step_DONE, StartTime: at(start), EndTime: at(end), After: after}
	}
	op := &typev1.OperationMetadata{
		Kind: typev1.OperationMetadata_CREATE, State: typev1.OperationMetadata_SUCCEEDED,
		CreateTime: at(0), StartTime: at(2), EndTime: at(10), TraceId: "4bf92f35",
		Steps: []*typev1.Step{
			step("place", 2, 3), step("db.start", 3, 8, "place"), step("queue.start", 3, 4, "place"), step("verify", 8, 10, "db.start", "queue.start"),
		},
	}
	lines := Waterfall("operations/acme.1", op, asked.Add(time.Hour))

	if want := "acme.1  CREATE SUCCEEDED, 10.0s  trace 4bf92f35"; lines[0] != want {
		t.Errorf("the head is %q, want %q", lines[0], want)
	}
	took := map[string]string{}
	var path []string
	for _, line := range lines[1 : len(lines)-1] {
		words := strings.Fields(strings.TrimPrefix(line, "*"))
		took[words[0]] = words[len(words)-1]
		if strings.HasPrefix(line, "*") {
			path = append(path, words[0])
		}
	}
	for id, want := range map[string]string{"queued": "2.0s", "place": "1.0s", "db.start": "5.0s", "queue.start": "1.0s", "verify": "2.0s"} {
		if took[id] != want {
			t.Errorf("%s took %q, want %q in\n%s", id, took[id], want, strings.Join(lines, "\n"))
		}
	}
	if want := []string{"place", "db.start", "verify"}; !slices.Equal(path, want) {
		t.Errorf("the critical path is %v, want %v", path, want)
	}
}
