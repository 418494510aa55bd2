package supervisor

import "time"

// A customer waits while a component is down: it is started again at once, then
// ever later, but never as late as people would notice the wait and not the
// failure. What runs for a while begins anew.
const (
	firstBackoff = 100 * time.Millisecond
	mostBackoff  = 5 * time.Second
	steadyAfter  = 3 * time.Second
)

// backoff is how long to wait before a process is started again.
type backoff struct {
	next time.Duration
}

// after gives the wait after a run of that length.
func (b *backoff) after(ran time.Duration) time.Duration {
	if ran >= steadyAfter || b.next == 0 {
		b.next = firstBackoff
	}
	wait := b.next
	b.next = min(2*wait, mostBackoff)
	return wait
}
