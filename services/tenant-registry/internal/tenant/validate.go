package tenant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// ReasonInvalid is the reason of a tenant with wrong fields.
const ReasonInvalid = "TENANT_INVALID"

// maxBytes is the largest tenant that a caller may wish for.
const maxBytes = 64 << 10

// settle checks a wish and fills in what it leaves open: the revision when only
// a blueprint is named (that of before is taken where it is of that blueprint),
// and the plan. Violations carry the path from the request on. Before is nil of a
// new tenant.
func (t *Tenants) settle(ctx context.Context, spec, before *registryv1.Tenant) error {
	if size := proto.Size(spec); size > maxBytes {
		return invalid("tenant", fmt.Sprintf("has %d bytes, the limit is %d", size, maxBytes))
	}
	if err := checkFields(spec, before); err != nil {
		return err
	}
	wish, err := names.ParseWish("tenant.blueprint", spec.GetBlueprint())
	if err != nil {
		return err
	}
	if now, err := names.ParseRevision("", before.GetBlueprint()); err == nil && wish.ID == "" && wish.Blueprint == now.Blueprint {
		wish = now
	}
	revision, recipe, err := t.catalog.Resolve(ctx, "tenant.blueprint", wish)
	if err != nil {
		return err
	}
	spec.Blueprint = revision.GetName()
	spec.Plan = cmp.Or(spec.GetPlan(), recipe.DefaultPlan())
	if !recipe.HasPlan(spec.GetPlan()) {
		return errs.Invalid("PLAN_NOT_FOUND", errs.Violation{Field: "tenant.plan",
			Description: fmt.Sprintf("%q is no plan of %s; there are %s", spec.GetPlan(), revision.GetName(), strings.Join(recipe.Plans(), ", "))})
	}
	if _, wrong := recipe.ResolveInputs(spec.GetPlan(), spec.GetInputs()); len(wrong) > 0 {
		for i := range wrong {
			wrong[i].Field = "tenant." + wrong[i].Field
		}
		return errs.Invalid("INPUTS_INVALID", wrong...)
	}
	return checkOverrides(recipe, spec)
}

// checkFields is what needs no blueprint. The rules in the proto are checked
// here too: a tenant that a deal makes came through no request. What stays as it
// was before stands in no other change's way: it was accepted by the rules of then.
func checkFields(spec, before *registryv1.Tenant) error {
	var wrong []errs.Violation
	err := protovalidate.Validate(spec)
	var broken *protovalidate.ValidationError
	if err != nil && !errors.As(err, &broken) {
		return fmt.Errorf("check tenant: %w", err)
	}
	if broken != nil {
		for _, v := range broken.Violations {
			wrong = append(wrong, errs.Violation{Field: "tenant." + protovalidate.FieldPathString(v.Proto.GetField()), Description: v.Proto.GetMessage()})
		}
	}
	for field, text := range map[string]string{
		"display_name": spec.GetDisplayName(), "contact.display_name": spec.GetContact().GetDisplayName(),
		"contact.email": spec.GetContact().GetEmail(), "deal.owner": spec.GetDeal().GetOwner(), "deal.id": spec.GetDeal().GetId(), "region": spec.GetRegion(),
	} {
		if strings.ContainsFunc(text, names.Hidden) {
			wrong = append(wrong, errs.Violation{Field: "tenant." + field, Description: "must not contain control characters, nor invisible ones"})
		}
	}
	if spec.GetDisplayName() == "" || strings.TrimSpace(spec.GetDisplayName()) != spec.GetDisplayName() {
		wrong = append(wrong, errs.Violation{Field: "tenant.display_name", Description: "must not be empty, nor begin or end with a space"})
	}
	wrong = append(wrong, checkReferences(spec)...)
	wrong = append(wrong, checkWindow(spec.GetMaintenanceWindow())...)
	if spec.GetBlueprint() == "" {
		wrong = append(wrong, errs.Violation{Field: "tenant.blueprint", Description: `is required, such as "blueprints/helpdesk"`})
	}
	if before != nil {
		wrong = slices.DeleteFunc(wrong, standing(Mutable.Changed(before, spec)))
	}
	if len(wrong) > 0 {
		return errs.Invalid(ReasonInvalid, wrong...)
	}
	return nil
}

// standing says of a violation whether it is of none of the fields that change.
func standing(changed []string) func(errs.Violation) bool {
	return func(v errs.Violation) bool {
		field, _, _ := strings.Cut(strings.TrimPrefix(v.Field, "tenant."), ".")
		field, _, _ = strings.Cut(field, "[") // of a map or a list
		return !slices.Contains(changed, field)
	}
}

func checkReferences(spec *registryv1.Tenant) []errs.Violation {
	var wrong []errs.Violation
	note := func(err error) {
		if e, ok := errs.As(err); ok {
			wrong = append(wrong, e.Violations...)
		}
	}
	if cell := spec.GetCell(); cell != "" {
		_, err := names.ParseCell("tenant.cell", cell)
		note(err)
	}
	if deal := spec.GetDeal(); deal.GetSource() != "" {
		_, err := names.ParseSource("tenant.deal.source", deal.GetSource())
		note(err)
		if deal.GetId() == "" {
			note(invalid("tenant.deal.id", "is required with deal.source"))
		}
	}
	return wrong
}

func invalid(field, why string) error {
	return errs.Invalid(ReasonInvalid, errs.Violation{Field: field, Description: why})
}
