package engine

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stampworks.dev/pkg/testkit"
)

func next(t *testing.T, q *queue) (string, <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	tenant, wake, err := q.Next(ctx)
	if err != nil {
		return "", nil
	}
	return tenant, wake
}

func TestQueueIsFairAndExclusive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.Add("a")
		q.Add("b")
		q.Add("a")
		a, wake := next(t, q)
		if a != "a" || q.Depth() != 1 {
			t.Fatalf("first %q, depth %d", a, q.Depth())
		}
		q.Add("a") // while it is worked on
		select {
		case <-wake:
		default:
			t.Error("the worker was not told")
		}
		if b, _ := next(t, q); b != "b" {
			t.Fatalf("second %q", b)
		}
		if none, _ := next(t, q); none != "" {
			t.Fatalf("%q was handed out while it is worked on", none)
		}
		q.Done("a")
		if again, _ := next(t, q); again != "a" {
			t.Fatalf("after Done: %q", again)
		}
	})
}

// TestQueueNeverHandsOutTwice has many workers and one tenant that is added all
// the time: no two have it at once, and at the end nothing is remembered of it.
func TestQueueNeverHandsOutTwice(t *testing.T) {
	t.Parallel()
	q := newQueue()
	ctx, cancel := context.WithCancel(t.Context())
	var have atomic.Int32
	var workers, adders sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for {
				tenant, _, err := q.Next(ctx)
				if err != nil {
					return
				}
				if have.Add(1) > 1 {
					t.Error("two workers have one tenant")
				}
				runtime.Gosched()
				have.Add(-1)
				q.Done(tenant)
			}
		})
	}
	for range 4 {
		adders.Go(func() {
			for range 20_000 {
				q.Add("a")
				runtime.Gosched()
			}
		})
	}
	adders.Wait()
	testkit.Eventually(t, 10*time.Second, func() error {
		q.mu.Lock()
		defer q.mu.Unlock()
		if n := len(q.items); n > 0 {
			return fmt.Errorf("%d tenants are remembered", n)
		}
		return nil
	})
	cancel()
	workers.Wait()
}

func TestQueueLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		defer q.Close()
		q.AddAfter("a", time.Minute)
		q.AddAfter("b", 2*time.Minute)
		q.Add("b") // at once beats later
		began := time.Now()
		if got, _, _ := q.Next(t.Context()); got != "b" || time.Since(began) != 0 {
			t.Errorf("%q after %v", got, time.Since(began))
		}
		if got, _, _ := q.Next(t.Context()); got != "a" || time.Since(began) != time.Minute {
			t.Errorf("%q after %v", got, time.Since(began))
		}
		q.Done("b")
		q.Done("a")
		if got, _ := next(t, q); got != "" {
			t.Errorf("%q once more", got)
		}
	})
}

func TestQueueAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.Add("a")
		time.Sleep(3 * time.Second)
		q.Add("b")
		if q.Age() != 3*time.Second || q.Depth() != 2 {
			t.Errorf("age %v, depth %d", q.Age(), q.Depth())
		}
	})
}
