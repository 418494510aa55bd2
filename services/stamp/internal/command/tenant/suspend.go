package tenant

import (
	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/session"
)

func suspendCommand(s *session.Session) *cobra.Command {
	o := newAction(s, "suspend")
	var reason string
	cmd := o.command("Stop a customer's copy, and keep its data", `  stamp tenant suspend acme --reason "invoice 2026-17 is open" --wait`)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the timeline")
	o.body = func() message {
		return &registryv1.SuspendTenantRequest{Name: o.name, Etag: o.etag, Reason: reason}
	}
	return cmd
}

func resumeCommand(s *session.Session) *cobra.Command {
	o := newAction(s, "resume")
	o.body = func() message { return &registryv1.ResumeTenantRequest{Name: o.name, Etag: o.etag} }
	return o.command("Start a suspended copy again, with its data", `  stamp tenant resume acme --wait`)
}

func retryCommand(s *session.Session) *cobra.Command {
	o := newAction(s, "retry")
	o.settled = "nothing has failed"
	o.body = func() message { return &registryv1.RetryTenantRequest{Name: o.name, Etag: o.etag} }
	return o.command("Try again what failed", `  stamp tenant retry acme --wait`)
}

func undeleteCommand(s *session.Session) *cobra.Command {
	o := newAction(s, "undelete")
	o.body = func() message { return &registryv1.UndeleteTenantRequest{Name: o.name, Etag: o.etag} }
	return o.command("Bring a deleted customer's copy back, with its data, until it is purged", `  stamp tenant undelete acme --wait`)
}
