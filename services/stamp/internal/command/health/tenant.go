package health

import (
	"strings"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
)

// tenantOf is the tenant's id in the name of its health.
func tenantOf(h *healthv1.TenantHealth) string {
	return strings.TrimSuffix(strings.TrimPrefix(h.GetName(), "tenants/"), "/health")
}
