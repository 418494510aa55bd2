// Package backup is the commands `stamp backup …`: copies of customers' data,
// and bringing them back.
package backup

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/command/noun"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

// Command is `stamp backup`.
func Command(s *session.Session) *cobra.Command {
	return noun.Group("backup", "Copies of customers' data: make, try, bring back, delete",
		createCommand(s), getCommand(s), listCommand(s), verifyCommand(s), restoreCommand(s), deleteCommand(s))
}

// options are what the commands on one backup have.
type options struct {
	*session.Session
	client  *client.Client
	printer *printer.Printer
	// tenant is "tenants/acme", name "tenants/acme/backups/backup-3".
	tenant, name, requestID string
	wait, yes               bool
}

// one makes the command on the backup that its arguments name.
func (o *options) one(cmd *cobra.Command, verb string, run func(*cobra.Command) error) *cobra.Command {
	cmd.Use, cmd.Args, cmd.ValidArgsFunction = verb+" TENANT BACKUP", cobra.RangeArgs(1, 2), complete.Backups(o.Session)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if o.name = names.Backup(args...); o.name == "" {
			return exit.Usagef("name the tenant and the backup, such as: stamp backup %s acme backup-3\n  see them with: stamp backup list acme", verb)
		}
		o.tenant, _, _ = strings.Cut(o.name, "/backups/")
		if o.client, o.printer, err = o.Open(); err != nil {
			return err
		}
		return run(cmd)
	}
	return cmd
}

// view shows backups.
func view(now time.Time) printer.View[*provisionerv1.Backup] {
	return printer.View[*provisionerv1.Backup]{
		Name: (*provisionerv1.Backup).GetName,
		Columns: []printer.Column[*provisionerv1.Backup]{
			{Head: "TENANT", Cell: func(b *provisionerv1.Backup) string {
				tenant, _, _ := strings.Cut(names.Short(b.GetName()), "/")
				return tenant
			}},
			{Head: "BACKUP", Cell: func(b *provisionerv1.Backup) string {
				_, id, _ := strings.Cut(names.Short(b.GetName()), "/")
				return id
			}},
			{Head: "REASON", Cell: func(b *provisionerv1.Backup) string { return b.GetReason().String() }},
			{Head: "AGE", Cell: func(b *provisionerv1.Backup) string { return printer.Age(b.GetCreateTime(), now) }},
			{Head: "SIZE", Cell: func(b *provisionerv1.Backup) string { return printer.Amount("size_bytes", b.GetSizeBytes()) }},
			{Head: "REVISION", Cell: func(b *provisionerv1.Backup) string { return names.Short(b.GetRevision()) }},
			{Head: "CELL", Cell: func(b *provisionerv1.Backup) string { return names.Short(b.GetCell()) }},
			{Head: "VERIFIED", Cell: func(b *provisionerv1.Backup) string { return verified(b, now) }},
			{Head: "FILES", Wide: true, Cell: func(b *provisionerv1.Backup) string { return fmt.Sprint(b.GetFiles()) }},
			{Head: "COMPONENTS", Wide: true, Cell: func(b *provisionerv1.Backup) string { return strings.Join(b.GetComponents(), ",") }},
			{Head: "GOES", Wide: true, Cell: func(b *provisionerv1.Backup) string {
				if b.GetExpireTime() == nil {
					return ""
				}
				return b.GetExpireTime().AsTime().Format(time.DateOnly)
			}},
			{Head: "DIGEST", Wide: true, Cell: (*provisionerv1.Backup).GetDigest},
		},
	}
}

// verified says how long ago a backup passed its trial, or why it did not.
func verified(b *provisionerv1.Backup, now time.Time) string {
	if f := b.GetVerifyFailure(); f != nil {
		return f.GetCode().String()
	}
	if b.GetVerifyTime() == nil {
		return ""
	}
	return printer.Age(b.GetVerifyTime(), now) + " ago"
}
