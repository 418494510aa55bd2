package blueprint_test

import (
	"testing"
	"time"

	"stampworks.dev/pkg/blueprint"
)

func TestNextTick(t *testing.T) {
	at := func(s string) time.Time {
		out, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, c := range []struct{ schedule, after, want string }{
		{"0 3 * * *", "2026-03-01T02:59:59Z", "2026-03-01T03:00:00Z"},
		{"0 3 * * *", "2026-03-01T03:00:00Z", "2026-03-02T03:00:00Z"},
		{"0 3 * * *", "2026-03-01T03:00:00.5Z", "2026-03-02T03:00:00Z"},
		{"0 3 * * *", "2026-03-01T03:30:00+01:00", "2026-03-01T03:00:00Z"}, // 02:30 in UTC
		{"*/15 * * * *", "2026-03-01T23:50:00Z", "2026-03-02T00:00:00Z"},
		{"0 4 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T04:00:00Z"},
	} {
		got, err := blueprint.NextTick(c.schedule, at(c.after))
		if err != nil || !got.Equal(at(c.want)) {
			t.Errorf("NextTick(%q, %s) = %v, %v; want %s", c.schedule, c.after, got, err, c.want)
		}
	}
	if _, err := blueprint.NextTick("every night", time.Now()); err == nil {
		t.Error("words were taken for a schedule")
	}
}
