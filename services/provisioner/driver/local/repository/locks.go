package repository

import (
	"context"
	"sync"
)

// Locks are locks by name, for which the waiting ends with the context. The
// zero value is ready.
type Locks struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when given back
}

// Lock takes the lock of that name and gives what gives it back.
func (l *Locks) Lock(ctx context.Context, name string) (func(), error) {
	mine := make(chan struct{})
	for {
		l.mu.Lock()
		other := l.held[name]
		if other == nil {
			if l.held == nil {
				l.held = map[string]chan struct{}{}
			}
			l.held[name] = mine
			l.mu.Unlock()
			return func() { l.unlock(name, mine) }, nil
		}
		l.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *Locks) unlock(name string, mine chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, name)
	close(mine)
}
