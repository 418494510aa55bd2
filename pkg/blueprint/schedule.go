package blueprint

import (
	"fmt"
	"strings"

	"github.com/adhocore/gronx"
)

// ScheduleForm says what a schedule is, for messages.
const ScheduleForm = `five fields of cron, such as "0 3 * * *" (minute, hour, day, month, weekday; UTC)`

// CheckSchedule refuses what is not five fields of cron.
func CheckSchedule(text string) error {
	if len(strings.Fields(text)) != 5 || !gronx.IsValid(text) {
		return fmt.Errorf("%q is not a schedule", text)
	}
	return nil
}
