package wait

import (
	"context"
	"fmt"
	"path"
	"strings"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/printer"
)

// withAftermath adds to a failure what it left the customer with, where that is
// the question: whether a revision serves after an upgrade that failed, and which.
func withAftermath(ctx context.Context, c *client.Client, op *typev1.OperationMetadata, failed error) error {
	if failed == nil || op.GetKind() != typev1.OperationMetadata_UPGRADE || op.GetState() == typev1.OperationMetadata_SUPERSEDED {
		return failed
	}
	tenant := &registryv1.Tenant{}
	if err := c.Get(ctx, "/v1/"+op.GetTenant(), nil, tenant); err != nil {
		return failed // what failed is told all the same
	}
	said := &exit.Error{Code: exit.Code(failed), Message: failed.Error()}
	id, was, wished := strings.TrimPrefix(op.GetTenant(), "tenants/"), path.Base(tenant.GetStatus().GetRevision()), path.Base(op.GetRevision())
	if tenant.GetState() == registryv1.Tenant_ACTIVE && was != wished {
		said.Message += fmt.Sprintf("\n  %s still serves, on %s: the upgrade to %s was taken back", id, was, wished)
		said.Next = fmt.Sprintf("once that is put right: stamp tenant upgrade %s %s --wait; to stay on %s: stamp tenant upgrade %s %s", id, wished, was, id, was)
		return said
	}
	health := &healthv1.TenantHealth{}
	if err := c.Get(ctx, "/v1/"+op.GetTenant()+"/health", nil, health); err == nil {
		said.Message += "\n  now: " + printer.Safe(health.GetSummary())
	}
	said.Message += fmt.Sprintf("\n  the upgrade was not taken back: it was %s before", was)
	said.Next = fmt.Sprintf("once that is put right: stamp tenant retry %s --wait; see it with: stamp show %s", id, id)
	return said
}
