package server

import (
	"testing"

	"stampworks.dev/pkg/errs"
)

func TestSeats(t *testing.T) {
	s := newSeats(2, 3)
	take := func(stamp string) func() {
		t.Helper()
		leave, err := s.take(stamp)
		if err != nil {
			t.Fatalf("%s: %v", stamp, err)
		}
		return leave
	}
	full := func(stamp string) {
		t.Helper()
		if _, err := s.take(stamp); !errs.Is(err, errs.ResourceExhausted) || errs.ReasonOf(err) != "SESSIONS_TOO_MANY" {
			t.Errorf("one more of %s: %v, want none", stamp, err)
		}
	}
	first, _ := take("acme"), take("acme")
	full("acme")
	other := take("globex") // has its own
	full("globex")          // and all are taken
	first()
	first() // gives up one
	take("acme")
	full("globex")
	other()
	take("globex")
	if len(s.taken) != 2 || s.all != 3 {
		t.Errorf("taken are %v, %d in all", s.taken, s.all)
	}
}
