package tenant

import (
	"stampworks.dev/pkg/errs"
)

// What tenants refuse. Errors that come back name the tenant and carry it in their metadata:
// compare with errors.Is.
var (
	ErrNotFound   = errs.New(errs.NotFound, "TENANT_NOT_FOUND", "tenant does not exist")
	ErrExists     = errs.New(errs.AlreadyExists, "TENANT_EXISTS", "tenant exists already")
	ErrPurgedID   = errs.New(errs.AlreadyExists, "TENANT_ID_PURGED", "tenant was purged: its id is not used again")
	ErrDealTaken  = errs.New(errs.AlreadyExists, "DEAL_HAS_TENANT", "deal has a tenant already")
	ErrEtag       = errs.New(errs.Conflict, "ETAG_MISMATCH", "tenant was changed meanwhile: read it again")
	ErrKeyReused  = errs.New(errs.AlreadyExists, "IDEMPOTENCY_KEY_REUSED", "request id was used for another request in the last 24 hours")
	ErrDeleted    = errs.New(errs.FailedPrecondition, "TENANT_DELETED", "tenant is deleted")
	ErrGone       = errs.New(errs.NotFound, "TENANT_DELETED", "tenant is deleted already")
	ErrNotDeleted = errs.New(errs.FailedPrecondition, "TENANT_NOT_DELETED", "tenant must be deleted before it is purged")
	ErrAlive      = errs.New(errs.AlreadyExists, "TENANT_NOT_DELETED", "tenant is not deleted: there is nothing to bring back")
	ErrPurging    = errs.New(errs.FailedPrecondition, "TENANT_PURGING", "tenant is being purged: it cannot be brought back, restore a backup of it as a new tenant")
	ErrForce      = errs.New(errs.FailedPrecondition, "PURGE_NOT_FAILED", "force is only for a purge that failed: purge without it first")
	ErrNotPurged  = errs.New(errs.NotFound, "TENANT_NOT_PURGED", "tenant is not purged: there is no receipt yet")
	ErrProtected  = errs.New(errs.FailedPrecondition, "TENANT_PROTECTED", "tenant has deletion_protection: take it away first")
	ErrStale      = errs.New(errs.Conflict, "STALE_REPORT", "report is older than the one that is there")
	ErrUID        = errs.New(errs.NotFound, "TENANT_UID_MISMATCH", "tenant of this uid does not exist")
	ErrNotPurging = errs.New(errs.FailedPrecondition, "TENANT_NOT_PURGING", "tenant is not being purged")
	// ErrCompacted travels as OUT_OF_RANGE: list again, then watch from there.
	ErrCompacted = errs.New(errs.TooLarge, "REVISION_COMPACTED", "revision is no longer available: watch from 0")

	// errChanged says that a condition of the caller of Create did not hold.
	errChanged = errs.New(errs.Conflict, "CONFLICT", "changed by somebody else meanwhile")
)
