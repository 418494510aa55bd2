package session

import (
	"testing"
	"time"
)

// A command may wait for minutes between its start and what it prints.
func TestAgesAreCountedWhenTheyAreWritten(t *testing.T) {
	clock := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	s := &Session{Now: func() time.Time { return clock }}
	p, err := s.Printer()
	if err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(time.Minute)
	if got := p.Now(); !got.Equal(clock) {
		t.Errorf("counted to %v, want %v", got, clock)
	}
}
