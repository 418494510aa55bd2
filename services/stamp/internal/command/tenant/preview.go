package tenant

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/progress"
	"stampworks.dev/services/stamp/internal/session"
)

// legend is the part of the help that all commands with a preview share.
const legend = `
A preview has a line for each component:

  + create    it was never there
  ~ change    its definition differs, in the fields below it: before → after
  ↻ restart   its definition is the same, but it is stopped and started: it migrates, what it
              depends on migrates or is backed up, customers are kept out meanwhile, or it
              does not run
  - remove    the new revision does not have it
  ■ stop      it is stopped, its data kept
    nothing   it is not touched

Secrets appear by name and version. A line with "!" is what blocks it, and what to do.`

func previewCommand(s *session.Session) *cobra.Command {
	o := &updateOptions{changeOptions: changeOptions{Session: s}, dryRun: true}
	cmd := &cobra.Command{
		Use:   "preview TENANT",
		Short: "Say what would be done to a customer's copy, and do nothing",
		Long: `Say what would be done to a customer's copy as it is now, and do nothing: without flags for what
is wanted already, with flags as "stamp tenant update" with them would do.
` + legend,
		Example: `  stamp tenant preview acme                                 is anything missing?
  stamp tenant preview acme --blueprint helpdesk@1.1.0      before an upgrade
  stamp tenant preview acme --plan enterprise -o wide       with every step
  stamp tenant preview acme --input seats=50 -o json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name, o.mask = names.Tenant(args[0]), mask(cmd)
			if err := o.open(); err != nil {
				return err
			}
			if len(o.mask) == 0 {
				return runPreview(cmd.Context(), &o.changeOptions, nil, nil, false)
			}
			return runUpdate(cmd.Context(), o)
		},
	}
	o.wish.add(cmd, s)
	return cmd
}

// previewOf shows what a change would do that was only validated.
func previewOf(ctx context.Context, o *changeOptions, op *longrunningpb.Operation, now bool) error {
	wish, meta, err := o.validated(op)
	if err != nil {
		return err
	}
	return runPreview(ctx, o, wish, meta.GetPreview(), now)
}

// refused shows what a change that the registry refuses would do all the same, and
// what else keeps it from beginning: who puts the refusal right wants to know at
// once what comes next. Where that cannot be told, the refusal is.
func refused(ctx context.Context, o *changeOptions, wish *registryv1.Tenant, now bool, refusal error) error {
	var problem *client.Problem
	if !errors.As(refusal, &problem) || problem.Status != http.StatusBadRequest {
		return refusal
	}
	var err error
	if wish.Blueprint, err = newest(ctx, o.client, wish.GetBlueprint()); err != nil {
		return refusal
	}
	answer, err := foretold(ctx, o, wish, now)
	if err != nil || len(answer.GetComponents()) == 0 {
		return refusal
	}
	if err := printPreview(o.printer, answer); err != nil {
		return err
	}
	return refusal
}

// sayWhatWaits adds to a change that was only validated what would keep it from
// beginning: a hold, a closed window, no room.
func sayWhatWaits(ctx context.Context, o *changeOptions, op *longrunningpb.Operation, now bool) error {
	wish, _, err := o.validated(op)
	if err != nil {
		return err
	}
	preview, err := foretold(ctx, o, wish, now)
	if err != nil {
		o.Say("whether anything would keep it from beginning is not known: %v", err)
		return nil
	}
	for _, obstacle := range preview.GetObstacles() {
		for _, line := range obstacleLines(obstacle) {
			o.Say("%s", line)
		}
	}
	return nil
}

// validated is the wish that came out of a validation, and what was said of it.
func (o *changeOptions) validated(op *longrunningpb.Operation) (*registryv1.Tenant, *typev1.OperationMetadata, error) {
	meta, err := progress.Metadata(op)
	if err != nil {
		return nil, nil, err
	}
	wish := &registryv1.Tenant{}
	if op.GetResponse() != nil {
		if err := op.GetResponse().UnmarshalTo(wish); err != nil {
			return nil, nil, err
		}
	}
	o.name = cmp.Or(meta.GetTenant(), wish.GetName(), o.name)
	return wish, meta, nil
}

// foretold asks the provisioner about the stamp as it is.
func foretold(ctx context.Context, o *changeOptions, wish *registryv1.Tenant, now bool) (*typev1.Preview, error) {
	answer := &typev1.Preview{}
	req := &provisionerv1.PreviewStampRequest{Name: o.name + "/stamp", Tenant: wishOnly(wish), Now: now}
	err := o.client.Post(ctx, "/v1/"+o.name+"/stamp:preview", nil, req, answer)
	return answer, err
}

// runPreview shows what the provisioner says. Where it does not answer, what the
// registry made of the wishes alone is shown instead.
func runPreview(ctx context.Context, o *changeOptions, wish *registryv1.Tenant, otherwise *typev1.Preview, now bool) error {
	answer, err := foretold(ctx, o, wish, now)
	if exit.Code(err) == exit.Unavailable && otherwise != nil {
		o.Say("the provisioner does not answer: this is what the wish alone says, not the copy as it is")
		answer, err = otherwise, nil
	}
	if err != nil {
		return err
	}
	if err := printPreview(o.printer, answer); err != nil {
		return err
	}
	o.Say("nothing was changed")
	return nil
}

// wishOnly is what a stamp is made of.
func wishOnly(t *registryv1.Tenant) *registryv1.Tenant {
	if t == nil {
		return nil
	}
	return &registryv1.Tenant{
		Name: t.GetName(), DisplayName: t.GetDisplayName(), Blueprint: t.GetBlueprint(), Plan: t.GetPlan(),
		Region: t.GetRegion(), Cell: t.GetCell(), Inputs: t.GetInputs(),
	}
}
