package blueprint

import (
	"fmt"
	"strings"
	"time"

	"github.com/adhocore/gronx"
)

// ScheduleForm says what a schedule is, for messages.
const ScheduleForm = `five fields of cron, such as "0 3 * * *" (minute, hour, day, month, weekday; UTC)`

// CheckSchedule refuses what is not five fields of cron, and what never comes,
// such as the 30th of February.
func CheckSchedule(text string) error {
	if err := checkScheduleForm(text); err != nil {
		return err
	}
	if _, err := NextTick(text, time.Unix(0, 0)); err != nil { // the same answer at any time
		return fmt.Errorf("%q never comes: there is no such day", text)
	}
	return nil
}

func checkScheduleForm(text string) error {
	if len(strings.Fields(text)) != 5 || !gronx.IsValid(text) {
		return fmt.Errorf("%q is not a schedule", text)
	}
	return nil
}

// NextTick is when a schedule in cron form is due next after a time, UTC.
func NextTick(schedule string, after time.Time) (time.Time, error) {
	next, err := gronx.NextTickAfter(schedule, after.UTC(), false)
	if err != nil {
		return time.Time{}, fmt.Errorf("read schedule %q: %w", schedule, err)
	}
	return next.UTC(), nil
}
