package testkit

import (
	"testing"
	"time"
)

const lookAgain = 10 * time.Millisecond

// Eventually calls check until it returns nil, and fails the test with its last
// error when that takes longer than limit.
func Eventually(t testing.TB, limit time.Duration, check func() error) {
	t.Helper()
	Progress(t, limit, func() (int, error) { return 0, check() })
}

// Progress is Eventually for what takes as long as the machine takes: check also
// counts what is done, and the test fails when the count stays the same for
// longer than stuck.
func Progress(t testing.TB, stuck time.Duration, check func() (done int, err error)) {
	t.Helper()
	before, deadline := 0, time.Now().Add(stuck)
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for {
		done, err := check()
		if err == nil {
			return
		}
		if done != before {
			before, deadline = done, time.Now().Add(stuck)
		}
		if time.Now().After(deadline) {
			t.Fatalf("still after %v: %v", stuck, err)
		}
		select {
		case <-ticker.C:
		case <-t.Context().Done():
			t.Fatalf("test ended while: %v", err)
		}
	}
}
