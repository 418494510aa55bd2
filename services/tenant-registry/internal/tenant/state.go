package tenant

import (
	"path"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// State computes where a tenant is in its life from its wish, the last report
// (nil when there is none) and whether any generation was ever DONE.
func State(spec *registryv1.Tenant, status *registryv1.TenantStatus, lived bool) registryv1.Tenant_State {
	current := status.GetObservedGeneration() == spec.GetGeneration()
	done := current && status.GetPhase() == registryv1.TenantStatus_DONE
	back := current && status.GetPhase() == registryv1.TenantStatus_ROLLED_BACK
	if current && status.GetPhase() == registryv1.TenantStatus_GAVE_UP {
		return registryv1.Tenant_FAILED
	}
	switch {
	case spec.GetDeleteTime() != nil && done && !spec.GetPurging():
		return registryv1.Tenant_DELETED
	case spec.GetDeleteTime() != nil:
		return registryv1.Tenant_DELETING
	case spec.GetSuspended() && done:
		return registryv1.Tenant_SUSPENDED
	case spec.GetSuspended():
		return registryv1.Tenant_SUSPENDING
	case done, back: // it serves, on its previous revision if need be
		return registryv1.Tenant_ACTIVE
	case lived:
		return registryv1.Tenant_UPDATING
	default:
		return registryv1.Tenant_CREATING
	}
}

// Reconciling says whether work is going on or still to come (AIP-128).
func Reconciling(spec *registryv1.Tenant, status *registryv1.TenantStatus) bool {
	return status.GetObservedGeneration() < spec.GetGeneration() || status.GetPhase() == registryv1.TenantStatus_IN_PROGRESS
}

// kindOf is what the operation of the present generation does.
func (v View) kindOf() typev1.OperationMetadata_Kind {
	switch spec := v.Spec(); {
	case spec.GetPurging():
		return typev1.OperationMetadata_PURGE
	case spec.GetDeleteTime() != nil:
		return typev1.OperationMetadata_DELETE
	case spec.GetSuspended():
		return typev1.OperationMetadata_SUSPEND
	case !v.lived():
		return typev1.OperationMetadata_CREATE
	case v.Status().GetRevision() != "" && path.Base(v.Status().GetRevision()) != path.Base(spec.GetBlueprint()):
		return typev1.OperationMetadata_UPGRADE
	default:
		return typev1.OperationMetadata_UPDATE
	}
}
