package tenant_test

import (
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/tenant"
)

func TestState(t *testing.T) {
	const (
		none = registryv1.TenantStatus_PHASE_UNSPECIFIED // nothing was reported
		busy = registryv1.TenantStatus_IN_PROGRESS
		done = registryv1.TenantStatus_DONE
		gave = registryv1.TenantStatus_GAVE_UP
		back = registryv1.TenantStatus_ROLLED_BACK
	)
	for _, c := range []struct {
		suspended, deleted, purging bool
		behind                      bool // the report is about an older generation
		phase                       registryv1.TenantStatus_Phase
		lived                       bool
		want                        registryv1.Tenant_State
		working                     bool
	}{
		{phase: none, want: registryv1.Tenant_CREATING, working: true},
		{phase: busy, want: registryv1.Tenant_CREATING, working: true},
		{phase: gave, want: registryv1.Tenant_FAILED},
		{phase: gave, behind: true, want: registryv1.Tenant_CREATING, working: true},
		{phase: done, lived: true, want: registryv1.Tenant_ACTIVE},
		{phase: busy, lived: true, want: registryv1.Tenant_UPDATING, working: true},
		{phase: done, lived: true, behind: true, want: registryv1.Tenant_UPDATING, working: true},
		{phase: gave, lived: true, want: registryv1.Tenant_FAILED},
		{phase: back, lived: true, want: registryv1.Tenant_ACTIVE},
		{phase: back, lived: true, behind: true, want: registryv1.Tenant_UPDATING, working: true},
		{suspended: true, phase: done, lived: true, behind: true, want: registryv1.Tenant_SUSPENDING, working: true},
		{suspended: true, phase: none, want: registryv1.Tenant_SUSPENDING, working: true},
		{suspended: true, phase: busy, lived: true, want: registryv1.Tenant_SUSPENDING, working: true},
		{suspended: true, phase: done, lived: true, want: registryv1.Tenant_SUSPENDED},
		{suspended: true, phase: gave, lived: true, want: registryv1.Tenant_FAILED},
		{deleted: true, phase: done, lived: true, behind: true, want: registryv1.Tenant_DELETING, working: true},
		{deleted: true, suspended: true, phase: done, lived: true, want: registryv1.Tenant_DELETED},
		{deleted: true, phase: done, want: registryv1.Tenant_DELETED},
		{deleted: true, phase: gave, want: registryv1.Tenant_FAILED},
		{deleted: true, purging: true, phase: done, lived: true, behind: true, want: registryv1.Tenant_DELETING, working: true},
		{deleted: true, purging: true, phase: busy, lived: true, want: registryv1.Tenant_DELETING, working: true},
		{deleted: true, purging: true, phase: gave, lived: true, want: registryv1.Tenant_FAILED},
	} {
		spec := &registryv1.Tenant{Generation: 3, Suspended: c.suspended, Purging: c.purging}
		if c.deleted {
			spec.DeleteTime = timestamppb.Now()
		}
		var status *registryv1.TenantStatus
		if c.phase != none {
			status = &registryv1.TenantStatus{ObservedGeneration: 3, Phase: c.phase}
			if c.behind {
				status.ObservedGeneration = 2
			}
		}
		if got := tenant.State(spec, status, c.lived); got != c.want {
			t.Errorf("%+v: state %s", c, got)
		}
		if got := tenant.Reconciling(spec, status); got != c.working {
			t.Errorf("%+v: reconciling %v", c, got)
		}
	}
}
