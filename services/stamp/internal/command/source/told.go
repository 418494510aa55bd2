package source

import (
	"fmt"
	"strings"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/command/delivery"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
)

// told says in one line what a delivery led to.
func told(d *registryv1.Delivery) string {
	parts := []string{delivery.Outcome(d)}
	if d.GetTenant() != "" {
		parts = append(parts, names.Short(d.GetTenant()))
	}
	if d.GetField() != "" && !strings.HasPrefix(d.GetReason(), d.GetField()) {
		parts = append(parts, d.GetField())
	}
	if d.GetReason() != "" {
		parts = append(parts, d.GetReason())
	}
	if d.GetRepeats() > 0 {
		parts = append(parts, fmt.Sprintf("the same message came %d times", d.GetRepeats()+1))
	}
	return printer.Safe(strings.Join(parts, " · "))
}
