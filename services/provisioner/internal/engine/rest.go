package engine

import (
	"context"
	"reflect"
	"time"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/driver"
)

// quiet is a stamp that was found as it should be. While these are the same a
// look finds nothing to do, whatever it looks at: that is most of the work of a
// cell with thousands of stamps.
type quiet struct {
	wish  *registryv1.Tenant // the view's own, as is the placement: shared, and never changed
	place *pb.Placement
	obs   driver.Observation
	// until is when its schedule is due; zero is never.
	until time.Time
	// sealed is whether it says that its secrets cannot be opened.
	sealed bool
}

// remember keeps what a stamp at rest was found as.
func (r *run) remember() {
	q := quiet{wish: r.asked, place: r.place, obs: r.obs, sealed: r.saysSealed()}
	if schedule, ok := r.scheduled(); ok {
		t, err := r.tick(schedule, r.book.Stamp.GetScheduledBackupTime().AsTime())
		if err != nil {
			return // said by who asked for the backup
		}
		q.until = t.due
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rests[r.id] = q
}

// still says whether a stamp at rest is as it was, by no more than an
// observation, and when to look again. One that is not is forgotten.
func (s *shard) still(ctx context.Context, tenant string) (again time.Duration, same bool) {
	s.mu.Lock()
	q, known := s.rests[tenant]
	delete(s.rests, tenant)
	asked, sealed := len(s.errands[tenant]) > 0, s.sealed[tenant]
	s.mu.Unlock()
	if !known || asked || sealed != q.sealed {
		return 0, false
	}
	wish, _ := s.View.Get(tenant)
	place, _ := s.Placements.Peek(tenant)
	again = s.nextLook()
	if !q.until.IsZero() {
		again = min(again, q.until.Sub(s.Now()))
	}
	if wish != q.wish || place.Value != q.place || again <= 0 {
		return 0, false
	}
	obs, err := s.driver.Observe(ctx, driver.Ref{Tenant: tenant, UID: wish.GetUid(), Token: s.claim.Token})
	if err != nil || !reflect.DeepEqual(obs, q.obs) {
		return 0, false // the whole look says what to do about it
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rests[tenant] = q
	return again, true
}

// looksPerSecond is at how many stamps at rest a shard looks in a second, at the
// most: with more than that times Resync each of them waits longer. What is seen
// of a stamp, or wished of it, meanwhile has it looked at at once.
const looksPerSecond = 50

// nextLook is when a stamp at rest is observed again, at a moment at which others
// are, too: to wake up costs more than to look.
func (s *shard) nextLook() time.Duration {
	s.mu.Lock()
	every := max(s.Resync, time.Duration(len(s.rests))*time.Second/looksPerSecond)
	s.mu.Unlock()
	now := s.Now()
	return now.Add(later(every)).Truncate(every / 50).Sub(now)
}
