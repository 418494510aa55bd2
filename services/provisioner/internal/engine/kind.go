package engine

import (
	"context"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

// operationKind is what operations of one kind do otherwise than those of
// another: a tenant's generation, or one of the errands. A new kind of errand is
// a type beside its work and a line in kindOf; what all have in common asks here
// and knows none by name.
type operationKind interface {
	// traits are what is true of it whatever the state of its stamp.
	traits() traits
	// wish adds to the run's wish what is to be done beside: which backup is to be
	// made, which data to be brought back, or what else is asked for.
	wish(ctx context.Context, r *run) error
	// unfit says why it cannot be done with what runs; nil when it can.
	unfit(r *run) error
	// turnedBy is why it brings back what was before; nil while it goes forward.
	turnedBy(r *run) *typev1.Failure
	// turn makes it bring back what was before, when it failed for good or was
	// cancelled; false when nothing was touched, or that is done already, or
	// cannot be. Then it ends, and what there is is left.
	turn(r *run, why *typev1.Failure) bool
	// inVain is what is told of one that failed for good, and shown on the stamp:
	// that failure, or what is worse, when what was before could not be brought
	// back either.
	inVain(r *run, f *typev1.Failure) *typev1.Failure
}

// traits are the differences that are mere facts.
type traits struct {
	// errand says that it has no generation: it is about a stamp that runs as it
	// was settled last, and what goes wrong is its own, not the stamp's.
	errand bool
	// code is the failure of one that cannot be done.
	code typev1.Failure_Code
	// asked says it in one sentence for the timeline, succeeded that it did.
	asked, succeeded string
	// binding says that, once begun, it leaves the stamp between two states until
	// it has ended: no newer wish pre-empts it, and it comes before all others.
	// Unstoppable says that it is not cancelled meanwhile either.
	binding, unstoppable bool
	// mends says that it may be done while the data is half of two: it may be what
	// makes that whole.
	mends bool
	// ofData says that it copies or replaces data, so that it is in vain while that
	// is out of reach.
	ofData bool
	// harmless says that it changes nothing, so that no hold keeps it.
	harmless bool
	// anyhow says that it may be done although the stamp is not as it is wished
	// to be: it may be what finds out why.
	anyhow bool
}

// kindOf finds the kind of an operation. No operation is a generation's: what
// differs of a settled stamp is repaired without one.
func kindOf(op *pb.OperationRecord) operationKind {
	if op.GetErrand() == nil {
		return generation{}
	}
	switch work := op.GetErrand().GetWork().(type) {
	case *pb.Errand_MakeBackup_:
		return backupErrand{work: work.MakeBackup}
	case *pb.Errand_RestoreBackup_:
		return restoreErrand{work: work.RestoreBackup}
	case *pb.Errand_RotateSecret_:
		return rotateErrand{work: work.RotateSecret}
	case *pb.Errand_RepairStamp_:
		return repairErrand{work: work.RepairStamp}
	case *pb.Errand_RunTask_:
		return taskErrand{work: work.RunTask}
	case *pb.Errand_VerifyBackup_:
		return verifyErrand{work: work.VerifyBackup}
	}
	return unknownErrand{}
}

// kind is that of the operation that this run is about.
func (r *run) kind() operationKind { return kindOf(r.book.Op) }

// isErrand says whether that has no generation.
func (r *run) isErrand() bool { return r.kind().traits().errand }

// errand is what errands have in common, for them to embed.
type errand struct{}

func (errand) traits() traits {
	return traits{errand: true}
}

func (errand) wish(context.Context, *run) error { return nil }
func (errand) unfit(*run) error                 { return nil }
func (errand) turnedBy(*run) *typev1.Failure    { return nil }
func (errand) turn(*run, *typev1.Failure) bool  { return false }

func (errand) inVain(_ *run, f *typev1.Failure) *typev1.Failure { return f }

// unknownErrand is work that a newer replica took in. It is not done, and tried
// again until a replica that knows it has the stamp.
type unknownErrand struct{ errand }

func (unknownErrand) traits() traits {
	return traits{errand: true, code: typev1.Failure_DRIVER_ERROR, asked: "Work was asked for that this provisioner does not know", succeeded: "The work has ended"}
}

func (unknownErrand) unfit(*run) error {
	return failure.New(typev1.Failure_DRIVER_ERROR, "", "This provisioner is older than the work that it was asked for. Upgrade it.")
}
