package tenant

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// length is a flag for how long something lasts, such as 4h or 3d.
type length time.Duration

// String, Set and Type make it a flag's value.
func (l *length) String() string { return time.Duration(*l).String() }

func (l *length) Set(text string) error {
	d, err := parseLength(text)
	*l = length(d)
	return err
}

func (l *length) Type() string { return "duration" }

// parseLength takes days besides what Go takes; a day is 24 hours.
func parseLength(text string) (time.Duration, error) {
	if digits, ok := strings.CutSuffix(text, "d"); ok {
		if days, err := strconv.Atoi(digits); err == nil {
			return time.Duration(days) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errors.New("want a time such as 4h or 3d")
	}
	return d, nil
}
