// Package tenant is the commands `stamp tenant …`: what we want for each
// customer.
package tenant

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/command/noun"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

// Command is `stamp tenant`.
func Command(s *session.Session) *cobra.Command {
	return noun.Group("tenant", "Customers: create, import, change, suspend, hold, delete",
		createCommand(s), importCommand(s), getCommand(s), listCommand(s), previewCommand(s), updateCommand(s), upgradeCommand(s), suspendCommand(s), resumeCommand(s),
		retryCommand(s), holdCommand(s), unholdCommand(s), deleteCommand(s), undeleteCommand(s), purgeCommand(s), receiptCommand(s), timelineCommand(s), logsCommand(s),
		rotateCommand(s), repairCommand(s))
}

// view shows tenants.
func view(now time.Time) printer.View[*registryv1.Tenant] {
	return printer.View[*registryv1.Tenant]{
		Name: (*registryv1.Tenant).GetName,
		Columns: []printer.Column[*registryv1.Tenant]{
			{Head: "TENANT", Cell: func(t *registryv1.Tenant) string { return names.Short(t.GetName()) }},
			{Head: "CUSTOMER", Cell: (*registryv1.Tenant).GetDisplayName},
			{Head: "STATE", Cell: state},
			{Head: "REVISION", Cell: func(t *registryv1.Tenant) string { return names.Short(running(t)) }},
			{Head: "PLAN", Cell: (*registryv1.Tenant).GetPlan},
			{Head: "CELL", Cell: func(t *registryv1.Tenant) string { return names.Short(t.GetStatus().GetCell()) }},
			{Head: "AGE", Cell: func(t *registryv1.Tenant) string { return printer.Age(t.GetCreateTime(), now) }},
			{Head: "URL", Cell: func(t *registryv1.Tenant) string { return t.GetStatus().GetUrl() }},
			{Head: "REGION", Wide: true, Cell: (*registryv1.Tenant).GetRegion},
			{Head: "DEAL", Wide: true, Cell: func(t *registryv1.Tenant) string { return t.GetDeal().GetId() }},
			{Head: "AMOUNT", Wide: true, Cell: func(t *registryv1.Tenant) string {
				return printer.Money(t.GetDeal().GetAmount(), t.GetDeal().GetCurrency())
			}},
			{Head: "CONTACT", Wide: true, Cell: func(t *registryv1.Tenant) string { return t.GetContact().GetEmail() }},
		},
	}
}

// heldCode is the code of the obstacle that a hold is.
const heldCode = "HELD"

// state says also what keeps a tenant from getting on. A hold that was lifted does
// not, though its stamp did not tell so yet.
func state(t *registryv1.Tenant) string {
	words := t.GetState().String()
	if code := t.GetStatus().GetFailure().GetCode(); code != 0 && t.GetState() == registryv1.Tenant_FAILED {
		words += ": " + code.String()
	}
	for _, o := range t.GetStatus().GetObstacles() {
		if o.GetCode() == heldCode && t.GetHold() == nil {
			continue
		}
		return words + " (" + strings.ToLower(o.GetCode()) + ")"
	}
	return words
}

// running is the revision that runs, or is wished for when none does.
func running(t *registryv1.Tenant) string {
	if r := t.GetStatus().GetRevision(); r != "" {
		return r
	}
	return t.GetBlueprint()
}
