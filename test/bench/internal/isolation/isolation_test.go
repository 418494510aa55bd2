package isolation

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// TestResultComparesRoundByRound: what disturbs the machine in one round
// disturbs both sides of it, and only the middle round counts.
func TestResultComparesRoundByRound(t *testing.T) {
	ms := time.Millisecond
	r := result("isolation/cpu", map[string][]time.Duration{
		"alone": {10 * ms, 1 * ms, 100 * ms}, "limited": {12 * ms, 9 * ms, 110 * ms},
	}, "limited")
	if r.Ratio != 1.2 || r.Value != 12 {
		t.Errorf("ratio %g, value %g, want 1.2 and 12", r.Ratio, r.Value)
	}
}

func TestMarks(t *testing.T) {
	for _, c := range []struct {
		what    string
		control bool
		want    float64
	}{{"cpu", false, 1.5}, {"memory", true, 1.5}, {"disk", false, 0}, {"disk", true, 3}} {
		if got := markOf(c.what, c.control); got != c.want {
			t.Errorf("mark of %s, disk control %t: %g, want %g", c.what, c.control, got, c.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	var all []time.Duration
	for i := 1000; i > 0; i-- {
		all = append(all, time.Duration(i))
	}
	if got := percentile(all, 0.99); got != 990 {
		t.Errorf("99th of 1 to 1000 is %d", got)
	}
}

// TestAskKeepsItsRate: slow answers do not hold back what is asked next.
func TestAskKeepsItsRate(t *testing.T) {
	var atOnce, most atomic.Int64
	gate := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		now := atOnce.Add(1)
		defer atOnce.Add(-1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		if now == 20 {
			close(gate) // all wait for the twentieth
		}
		<-gate
	}))
	defer s.Close()
	got, err := ask(t.Context(), s.URL, 20)
	if err != nil || len(got.took) != 20 || most.Load() != 20 {
		t.Errorf("%d answers, %d at once, %v", len(got.took), most.Load(), err)
	}
	if _, err := ask(t.Context(), s.URL+"/\x7f", 1); err == nil {
		t.Error("no error of a request that cannot be")
	}
}
