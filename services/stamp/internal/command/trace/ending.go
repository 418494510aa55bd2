package trace

import (
	"time"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// endless is later than every end.
var endless = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// ending is when a step ended; one that runs ends last.
func ending(s *typev1.Step) time.Time {
	if s.GetEndTime() == nil {
		return endless
	}
	return s.GetEndTime().AsTime()
}
