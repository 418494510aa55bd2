package server

import (
	"cmp"
	"fmt"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/anypb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/tenant"
)

// operation is what a change is answered with: the operation of the tenant's
// present generation, as it is before anybody works on it. The provisioner tells
// the rest. What is already so, or was only validated, is done.
func operation(change tenant.Change, err error) (*longrunningpb.Operation, error) {
	if err != nil {
		return nil, err
	}
	now := change.Tenant
	meta := &typev1.OperationMetadata{
		Tenant: now.GetName(), Kind: change.Kind, Generation: now.GetGeneration(), State: typev1.OperationMetadata_QUEUED,
		CreateTime: now.GetGenerationTime(), Revision: concerned(now), Plan: now.GetPlan(),
		Preview: change.Preview,
	}
	op := &longrunningpb.Operation{}
	if !change.DryRun {
		op.Name = names.Tenant{ID: strings.TrimPrefix(now.GetName(), "tenants/")}.Operation(now.GetGeneration())
	}
	if change.Done || change.DryRun {
		response, err := anypb.New(now)
		if err != nil {
			return nil, fmt.Errorf("encode tenant %q: %w", now.GetName(), err)
		}
		op.Done, op.Result = true, &longrunningpb.Operation_Response{Response: response}
		meta.State, meta.EndTime = typev1.OperationMetadata_SUCCEEDED, now.GetStatus().GetUpdateTime()
		meta.Cell, meta.Url = now.GetStatus().GetCell(), now.GetStatus().GetUrl()
	}
	if change.Ended && !change.DryRun {
		endedBefore(meta, now.GetStatus())
	}
	if op.Metadata, err = anypb.New(meta); err != nil {
		return nil, fmt.Errorf("encode operation of %q: %w", now.GetName(), err)
	}
	return op, nil
}

// endedBefore says how the operation of the present generation ended, which a
// change that is none for the stamp leaves as it is.
func endedBefore(m *typev1.OperationMetadata, status *registryv1.TenantStatus) {
	m.State, m.Failure, m.EndTime = typev1.OperationMetadata_FAILED, status.GetFailure(), status.GetUpdateTime()
	if status.GetFailure().GetCode() == typev1.Failure_CANCELLED {
		m.State = typev1.OperationMetadata_CANCELLED
	}
}

// concerned is the revision that the operation is about: of a stamp that is to
// stop, the one that it runs, whatever is wished once it is resumed. The
// provisioner says the same.
func concerned(t *registryv1.Tenant) string {
	if stops := t.GetSuspended() || t.GetDeleteTime() != nil || t.GetPurging(); stops {
		return cmp.Or(t.GetStatus().GetRevision(), t.GetBlueprint())
	}
	return t.GetBlueprint()
}
