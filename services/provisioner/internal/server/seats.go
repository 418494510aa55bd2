package server

import (
	"sync"

	"stampworks.dev/pkg/errs"
)

const (
	// sessionsOfStamp is how many tasks may talk with people at once in one stamp:
	// each is a process beside the product's, in its share of the machine.
	sessionsOfStamp = 8
	// sessionsOfReplica is how many this replica runs or passes on.
	sessionsOfReplica = 128
)

// seats are those that tasks which talk take while they do. The replica that
// reaches the cell has all of a stamp.
type seats struct {
	each, most int

	mu    sync.Mutex
	taken map[string]int // by stamp
	all   int
}

func newSeats(each, most int) *seats {
	return &seats{each: each, most: most, taken: map[string]int{}}
}

// take takes one of a stamp, until it is left.
func (s *seats) take(stamp string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.taken[stamp] >= s.each:
		return nil, errs.New(errs.ResourceExhausted, "SESSIONS_TOO_MANY", "%d tasks talk with people in %s, which is as many as may: end one, and try again", s.each, stamp)
	case s.all >= s.most:
		return nil, errs.New(errs.ResourceExhausted, "SESSIONS_TOO_MANY", "%d tasks talk with people by this replica, which is as many as may: try again when one has ended", s.most)
	}
	s.taken[stamp]++
	s.all++
	return sync.OnceFunc(func() { s.leave(stamp) }), nil
}

func (s *seats) leave(stamp string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.taken[stamp]--; s.taken[stamp] == 0 {
		delete(s.taken, stamp)
	}
}
