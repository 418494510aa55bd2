package blueprint

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"stampworks.dev/pkg/errs"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// Overrides are laid over a plan, as a plan is over the one that it extends.
type Overrides struct {
	// Values are written as in a plan: they may hold expressions.
	Values map[string]string
	// Resources are by component.
	Resources map[string]*typev1.Resources
}

// Override gives a recipe whose plan has the overrides laid over it, checked as
// a published one is; with none it is the recipe itself. Inputs, Footprint and
// Render then answer for the plan of that name. Violations have fields such as
// "overrides.resources.app.memory"; with any of them the recipe is nil.
func (r *Recipe) Override(planName string, o Overrides) (*Recipe, []errs.Violation) {
	if len(o.Values) == 0 && len(o.Resources) == 0 {
		return r, nil
	}
	if !r.HasPlan(planName) {
		return nil, []errs.Violation{{Field: "plan", Description: fmt.Sprintf("%s has no plan %q", r.Name(), planName)}}
	}
	if o.Resources[everyComponent] != nil {
		return nil, []errs.Violation{{Field: "overrides.resources." + everyComponent, Description: "is no component: name each that is meant"}}
	}
	msg := r.Message()
	base := freePlan(msg)
	for _, p := range msg.GetPlans() { // other plans keep what they extend
		if p.GetExtends() == planName {
			p.Extends = base
		}
	}
	msg.Plans[base] = msg.GetPlans()[planName]
	msg.Plans[planName] = &typev1.Plan{Extends: base, Values: o.Values, Resources: o.Resources}
	over, err := newCompiler(msg.GetBlueprint()+"@"+msg.GetRevision(), msg, nil).compile()
	if err != nil {
		return nil, overrideViolations(planName, err)
	}
	over.digest = r.digest // it is still that revision
	return over, nil
}

// TooLittle names the limits of overrides that are below what the plan reserves:
// the product was never meant to run with less. It is for who makes them; Override
// takes those that were accepted before.
func (r *Recipe) TooLittle(planName string, o Overrides) []errs.Violation {
	over, wrong := r.Override(planName, o)
	if len(wrong) > 0 {
		return wrong
	}
	for _, who := range slices.Sorted(maps.Keys(o.Resources)) {
		was, is, said := r.plans[planName].resources[who], over.plans[planName].resources[who], o.Resources[who]
		for _, c := range []struct {
			what, short, long string
			least, limit      int64
			unit              string
		}{
			{"cpu", said.GetCpu(), said.GetLimits().GetCpu(), was.cpu.request, is.cpu.limit, "m of processor"},
			{"memory", said.GetMemory(), said.GetLimits().GetMemory(), was.memory.request, is.memory.limit, " bytes of memory"},
		} {
			if c.limit >= c.least || c.short == "" && c.long == "" {
				continue
			}
			field := "overrides.resources." + who + "." + c.what
			if c.long != "" {
				field = "overrides.resources." + who + ".limits." + c.what
			}
			wrong = append(wrong, errs.Violation{Field: field, Description: fmt.Sprintf("allows %d%s, and plan %q reserves %d: allow at least as much, or publish a smaller plan", c.limit, c.unit, planName, c.least)})
		}
	}
	return wrong
}

// freePlan is a name that no plan has.
func freePlan(msg *typev1.Blueprint) string {
	for n := 0; ; n++ {
		if name := fmt.Sprintf("planned-%d", n); msg.GetPlans()[name] == nil {
			return name
		}
	}
}

// overrideViolations says problems in the words of who wrote the overrides.
func overrideViolations(planName string, err error) []errs.Violation {
	var problems Problems
	if !errors.As(err, &problems) {
		return []errs.Violation{{Field: "overrides", Description: err.Error()}}
	}
	var wrong []errs.Violation
	for _, p := range problems {
		v := errs.Violation{Field: "overrides", Description: p.Message}
		if own, ok := strings.CutPrefix(p.Path, "plans."+planName+"."); ok {
			v.Field += "." + own
		} else {
			v.Description = "leads to a mistake in " + p.Path + ": " + p.Message
		}
		if p.Expected != "" {
			v.Description += " (expected " + p.Expected + ")"
		}
		wrong = append(wrong, v)
	}
	return wrong
}
