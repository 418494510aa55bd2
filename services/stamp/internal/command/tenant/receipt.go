package tenant

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

func receiptCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:   "receipt TENANT",
		Short: "Prove that a customer's copy was destroyed",
		Long: `Prove that a customer's copy was destroyed: who asked, when it was done, what was destroyed, what
could not be, and which backups are kept. There is one for each purged tenant, and it is kept for good.`,
		Example: `  stamp tenant receipt acme
  stamp tenant receipt acme -o json > acme-receipt.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, p, err := s.Open()
			if err != nil {
				return err
			}
			receipt := &registryv1.Receipt{}
			if err := c.Get(cmd.Context(), "/v1/"+names.Tenant(args[0])+"/receipt", nil, receipt); err != nil {
				return err
			}
			if err := printer.One(p, receiptView, receipt); err != nil || !p.ForPeople() {
				return err
			}
			for _, line := range receiptLines(receipt) {
				fmt.Fprintln(s.Out, line)
			}
			return nil
		},
	}
}

var receiptView = printer.View[*registryv1.Receipt]{
	Name: (*registryv1.Receipt).GetName,
	Columns: []printer.Column[*registryv1.Receipt]{
		{Head: "TENANT", Cell: func(r *registryv1.Receipt) string { return names.Short(r.GetTenant()) }},
		{Head: "CUSTOMER", Cell: (*registryv1.Receipt).GetDisplayName},
		{Head: "PURGED", Cell: func(r *registryv1.Receipt) string { return r.GetPurgeTime().AsTime().Format(time.RFC3339) }},
		{Head: "ASKED BY", Cell: (*registryv1.Receipt).GetPrincipal},
		{Head: "DESTROYED", Cell: func(r *registryv1.Receipt) string { return strconv.Itoa(len(r.GetDestroyed())) }},
		{Head: "LEFT", Cell: func(r *registryv1.Receipt) string { return strconv.Itoa(len(r.GetLeftBehind())) }},
		{Head: "BACKUPS", Cell: func(r *registryv1.Receipt) string { return strconv.Itoa(len(r.GetBackupsKept())) }},
		{Head: "UID", Wide: true, Cell: (*registryv1.Receipt).GetUid},
	},
}

// receiptLines name each thing, what is still there first.
func receiptLines(r *registryv1.Receipt) []string {
	var lines []string
	for _, part := range []struct {
		title string
		names []string
	}{{"left behind", r.GetLeftBehind()}, {"backup kept", r.GetBackupsKept()}, {"destroyed", r.GetDestroyed()}} {
		for _, name := range part.names {
			lines = append(lines, fmt.Sprintf("  %-11s  %s", part.title, printer.Safe(name)))
		}
	}
	return lines
}
