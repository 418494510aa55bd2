package engine

import (
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// Change is what a tenant's generation makes of its stamp.
type Change struct {
	// Kind is what its operation is called: as it was asked for, or else as the
	// stamp has it.
	Kind typev1.OperationMetadata_Kind
	// Moves says that a stamp that has lived is to come to another revision than
	// the one that it serves, or served when it was stopped.
	Moves bool
	// Resumes says that one that was stopped, or was about to be, is to serve
	// again. It may move as well: it is called RESUME then, or what was asked for.
	Resumes bool
	// Updates says that one that serves is to serve on the same revision. It may
	// be called UPGRADE, when all that does is to take one back that waited.
	Updates bool
}

// ChangeOf says what a generation makes of its stamp, which may be nil. It is
// pure.
func ChangeOf(t *registryv1.Tenant, have *pb.Stamp) Change {
	c := Change{Kind: t.GetGenerationKind()}
	if c.Kind == typev1.OperationMetadata_KIND_UNSPECIFIED {
		c.Kind = kindBy(t, have)
	}
	if LifecycleOf(t) != pb.Stamp_RUNNING || !lived(have) {
		return c
	}
	c.Moves = have.GetRevision() != t.GetBlueprint()
	c.Resumes = c.Kind == typev1.OperationMetadata_RESUME || have.GetLifecycle() == pb.Stamp_STOPPED
	c.Updates = !c.Moves && !c.Resumes
	return c
}

// kindBy is the kind of a generation of which nobody said it.
func kindBy(t *registryv1.Tenant, have *pb.Stamp) typev1.OperationMetadata_Kind {
	switch {
	case t.GetPurging():
		return typev1.OperationMetadata_PURGE
	case t.GetDeleteTime() != nil:
		return typev1.OperationMetadata_DELETE
	case t.GetSuspended():
		return typev1.OperationMetadata_SUSPEND
	case !lived(have):
		return typev1.OperationMetadata_CREATE
	case have.GetLifecycle() == pb.Stamp_STOPPED:
		return typev1.OperationMetadata_RESUME
	case have.GetRevision() != t.GetBlueprint():
		return typev1.OperationMetadata_UPGRADE
	}
	return typev1.OperationMetadata_UPDATE
}
