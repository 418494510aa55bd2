package blueprint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/blueprint/internal/suggest"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// plan is a plan with everything that it extends.
type plan struct {
	inputs    map[string]*structpb.Value
	values    map[string]*text // all of them, the blueprint's included
	backup    *typev1.BackupPolicy
	resources map[string]resources // by component
}

// resolvePlans checks each plan by itself, then resolves those that can be.
func (c *compiler) resolvePlans() {
	own := map[string]map[string]*text{}
	for _, name := range sortedKeys(c.msg.GetPlans()) {
		own[name] = c.checkPlan("plans."+name, c.msg.GetPlans()[name])
	}
	for _, name := range sortedKeys(c.msg.GetPlans()) {
		if chain := c.planChain(name); chain != nil {
			c.plans[name] = c.mergePlan(name, chain, own)
		}
	}
}

// planChain is what a plan extends, the root first and itself last; nil when
// there is no such plan or it extends itself.
func (c *compiler) planChain(name string) []string {
	path := "plans." + name + ".extends"
	chain := []string{name}
	for next := c.msg.GetPlans()[name].GetExtends(); next != ""; next = c.msg.GetPlans()[next].GetExtends() {
		if slices.Contains(chain, next) {
			if next == name {
				c.at(path, "extends itself: "+strings.Join(append(chain, next), " → "), "a plan that ends in one without extends")
			}
			return nil
		}
		if c.msg.GetPlans()[next] == nil {
			if len(chain) == 1 {
				plans := sortedKeys(c.msg.GetPlans())
				c.at(path, fmt.Sprintf("there is no plan %q", next)+suggest.DidYouMean(next, plans), "one of "+strings.Join(plans, ", "))
			}
			return nil
		}
		chain = append(chain, next)
	}
	slices.Reverse(chain)
	return chain
}

func (c *compiler) mergePlan(name string, chain []string, own map[string]map[string]*text) *plan {
	p := &plan{inputs: map[string]*structpb.Value{}, values: maps.Clone(c.values), backup: &typev1.BackupPolicy{}}
	var layers []layer
	for _, link := range chain {
		from := c.msg.GetPlans()[link]
		maps.Copy(p.inputs, from.GetInputs())
		maps.Copy(p.values, own[link])
		if s := from.GetBackup().GetSchedule(); s != "" {
			p.backup.Schedule = s
		}
		if keep := from.GetBackup().GetKeep(); keep != 0 {
			p.backup.Keep = keep
		}
		layers = append(layers, layer{path: "plans." + link + ".resources", by: from.GetResources()})
	}
	p.resources = c.resolveResources(name, layers)
	return p
}

// checkPlan gives the plan's own values, compiled.
func (c *compiler) checkPlan(path string, p *typev1.Plan) map[string]*text {
	for _, name := range sortedKeys(p.GetInputs()) {
		at, in := path+".inputs."+name, c.msg.GetInputs()[name]
		if in == nil {
			known := sortedKeys(c.msg.GetInputs())
			c.atKey(at, fmt.Sprintf("there is no input %q", name)+suggest.DidYouMean(name, known), "an input of this blueprint")
		} else if _, why := inputValue(in, p.GetInputs()[name]); why != "" {
			c.at(at, why, inputForm(in))
		}
	}
	own := map[string]*text{}
	for _, name := range sortedKeys(p.GetValues()) {
		at := path + ".values." + name
		if _, ok := c.msg.GetValues()[name]; !ok {
			known := sortedKeys(c.msg.GetValues())
			c.atKey(at, fmt.Sprintf("there is no value %q", name)+suggest.DidYouMean(name, known), "a value that the blueprint has under values")
			continue
		}
		own[name] = c.compileText(at, p.GetValues()[name], scope{})
	}
	c.checkBackupPolicy(path+".backup", p.GetBackup())
	return own
}

func (c *compiler) checkBackupPolicy(path string, b *typev1.BackupPolicy) {
	if b == nil {
		return
	}
	check := CheckSchedule
	if c.stored { // that it never comes is a younger rule: nothing is backed up by it
		check = checkScheduleForm
	}
	if err := check(b.GetSchedule()); b.GetSchedule() != "" && err != nil {
		c.at(path+".schedule", err.Error(), ScheduleForm)
	}
	if k := b.GetKeep(); k < 0 || k > 10000 {
		c.at(path+".keep", fmt.Sprintf("is %d", k), "0 to 10000")
	}
}
