package engine

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/blueprint"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/record"
)

// spread is how long after a tick of the schedule backups may begin: each tenant
// at a moment of its own, always the same, and within a tenth of the period.
const spread = 10 * time.Minute

// scheduler is who asks for scheduled backups.
const scheduler = "services/provisioner"

// tick is when a tenant's schedule is due next.
type tick struct {
	schedule string
	since    time.Time // that it was counted from
	at, due  time.Time // by the schedule; with the tenant's share of the spread
}

// nextTick counts from since. It is pure: after a crash it comes to the same.
func nextTick(uid, schedule string, since time.Time) (tick, error) {
	t := tick{schedule: schedule, since: since}
	var err error
	if t.at, err = blueprint.NextTick(schedule, since); err != nil {
		return t, err
	}
	after, err := blueprint.NextTick(schedule, t.at)
	if err != nil {
		return t, err
	}
	t.due = t.at.Add(min(after.Sub(t.at)/10, spread) / 1000 * time.Duration(sum(uid)%1000))
	return t, nil
}

// tick gives the one in memory, or counts anew when something changed.
func (r *run) tick(schedule string, since time.Time) (tick, error) {
	r.mu.Lock()
	t, known := r.ticks[r.id]
	r.mu.Unlock()
	if known && t.schedule == schedule && t.since.Equal(since) {
		return t, nil
	}
	t, err := nextTick(r.tenant.GetUid(), schedule, since)
	if err == nil {
		r.mu.Lock()
		r.ticks[r.id] = t
		r.mu.Unlock()
	}
	return t, err
}

// schedule asks for the backup that the plan's schedule wants of a stamp at
// rest, and says how long it may rest. The errand is there before the stamp says
// so, and its request id is that of the tick: a crash between the two makes the
// next run find it. Ticks that nobody was there for are made up for by one.
func (r *run) schedule(ctx context.Context) (time.Duration, error) {
	wait := r.nextLook()
	schedule, ok := r.scheduled()
	if !ok {
		return wait, nil
	}
	s, now := r.book.Stamp, r.Now()
	if s.GetScheduledBackupTime() == nil {
		s.ScheduledBackupTime = timestamppb.New(now)
		return wait, nil
	}
	t, err := r.tick(schedule, s.GetScheduledBackupTime().AsTime())
	if err != nil {
		r.log.WarnContext(ctx, "no backup by the schedule", "error", err)
		return wait, nil
	}
	if left := t.due.Sub(now); left > 0 {
		return min(wait, left), nil
	}
	if HasJob(s, func(_ string, c blueprint.Component) bool { return c.Backup != nil }) {
		e := AskBackup(s, pb.Backup_SCHEDULED)
		e.Principal, e.RequestID = scheduler, "schedule "+t.at.Format(time.RFC3339)
		op, err := r.Store.Ask(ctx, e, r.claim.Guard())
		if err != nil {
			return 0, err
		}
		if record.Over(op.GetMetadata()) { // it was made, and the stamp could not say so
			s.ScheduledBackupTime = timestamppb.New(t.at)
			return r.schedule(ctx)
		}
		r.log.InfoContext(ctx, "backup is due by the schedule", "operation", op.GetName(), "tick", t.at)
	}
	s.ScheduledBackupTime = timestamppb.New(now)
	return wait, nil
}

// scheduled gives the schedule of a stamp that runs as it is wished to.
func (r *run) scheduled() (string, bool) {
	s := r.book.Stamp
	bad := halfRestored(s) || r.ended != nil && r.ended.GetState() != typev1.OperationMetadata_SUCCEEDED && !r.goesBack()
	if r.recipe == nil || r.book.Op != nil || r.wish.Lifecycle != pb.Stamp_RUNNING || !settled(r.wish, s) || bad {
		return "", false
	}
	schedule, _, ok := r.recipe.Backup(s.GetPlan())
	return schedule, ok
}

// keeps is how many backups of a reason a stamp keeps; 0 is all.
func (r *run) keeps(why pb.Backup_Reason) int {
	switch why {
	case pb.Backup_SCHEDULED:
		if r.recipe == nil {
			return 0
		}
		_, keep, _ := r.recipe.Backup(r.book.Stamp.GetPlan())
		return keep
	case pb.Backup_BEFORE_UPGRADE, pb.Backup_BEFORE_RESTORE, pb.Backup_FINAL:
		return record.KeepSafety
	}
	return 0
}
