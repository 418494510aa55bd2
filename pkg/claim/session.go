package claim

import (
	"context"
	"fmt"
	"reflect"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"
)

// session is the life of one lease.
type session struct {
	*Manager
	lease   clientv3.LeaseID
	holders map[string]*holder // of work alone
	wake    chan struct{}

	announced bool
	seen      []Member
	since     time.Time // that the members are as seen
}

// session takes part under a lease until ctx ends or the lease is lost. When it
// returns, no function of a claim runs any more.
func (m *Manager) session(ctx context.Context, l lease) error {
	s := &session{Manager: m, lease: l.id, holders: map[string]*holder{}, wake: make(chan struct{}, 1)}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return m.keepAlive(ctx, l) })
	group.Go(func() error { return s.watch(ctx, m.cfg.Prefix+"members/") })
	group.Go(func() error { return s.watch(ctx, m.cfg.Prefix+"claims/") })
	group.Go(func() error { return s.work(ctx) })
	return group.Wait()
}

// watch wakes the worker whenever something changes. What changed, the worker
// reads itself, so a watch that ends for a while does no harm.
func (s *session) watch(ctx context.Context, prefix string) error {
	for {
		for range s.client.Watch(clientv3.WithRequireLeader(ctx), prefix, clientv3.WithPrefix()) {
			s.poke()
		}
		if !sleep(ctx, s.cfg.TTL/10) {
			return ctx.Err()
		}
		s.poke()
	}
}

func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// work looks and acts, at every wake-up and every third of a TTL.
func (s *session) work(ctx context.Context) error {
	defer s.stopAll()
	for {
		next := s.cfg.TTL / 3
		if wait, err := s.step(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "divide claims", "error", err)
			next = s.cfg.TTL / 10
		} else if wait > 0 {
			next = min(next, wait)
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// step brings what runs in line with etcd, and etcd in line with what should be.
// It says how long until membership counts as settled; 0: it does.
func (s *session) step(ctx context.Context) (time.Duration, error) {
	if !s.announced {
		ok, err := s.announce(ctx, s.lease)
		if err != nil {
			return 0, err
		}
		if s.announced = ok; !ok {
			return 0, fmt.Errorf("replica name %q is taken until its lease ends", s.cfg.Replica)
		}
	}
	v, err := s.look(ctx)
	if err != nil {
		return 0, err
	}
	s.setMembers(v.members)
	if !reflect.DeepEqual(s.seen, v.members) {
		s.seen, s.since = v.members, time.Now()
	}
	unsettled := max(0, s.cfg.Settle-time.Since(s.since))
	p := decide(s.cfg.Replica, s.lease, s.jobs(), v, unsettled == 0)
	s.dropLost(v)
	for _, j := range p.run {
		s.start(ctx, j, v.held[j.id].token)
	}
	for _, j := range p.release {
		s.release(ctx, j, v.held[j.id].token)
	}
	for _, j := range p.take {
		ok, err := s.put(ctx, s.claimKey(j.id), s.cfg.Replica, s.lease)
		if err != nil {
			return unsettled, err
		}
		if ok {
			s.poke() // the next look finds it, with its token
		}
	}
	return unsettled, nil
}
