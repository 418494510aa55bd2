package tenant

import (
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"stampworks.dev/services/stamp/internal/progress"
)

func shortOperation(name string) string { return strings.TrimPrefix(name, "operations/") }

// tenantOf is the tenant that an operation is about.
func tenantOf(op *longrunningpb.Operation, otherwise string) string {
	if meta, err := progress.Metadata(op); err == nil && meta.GetTenant() != "" {
		return meta.GetTenant()
	}
	return otherwise
}
