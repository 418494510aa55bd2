package blueprint

import (
	"fmt"
	"slices"
	"strings"
)

// compileValues compiles what is said under "values".
func (c *compiler) compileValues() {
	for _, name := range sortedKeys(c.msg.GetValues()) {
		t := c.compileText("values."+name, c.msg.GetValues()[name], scope{})
		c.values[name] = t
	}
}

// leaf is what a text comes down to once values are followed: via holds the
// values passed on the way.
type leaf struct {
	symbol symbol
	via    []string
}

// leaves follows values to everything else that a text refers to. With plan
// empty the values are those of no plan.
func leaves(values map[string]*text, t *text) []leaf {
	var out []leaf
	seen := map[string]bool{}
	var follow func(t *text, via []string)
	follow = func(t *text, via []string) {
		for _, ref := range t.references() {
			if ref.symbol.kind != valueSymbol {
				out = append(out, leaf{symbol: ref.symbol, via: via})
				continue
			}
			if next := values[ref.symbol.leaf]; next != nil && !seen[ref.symbol.name] {
				seen[ref.symbol.name] = true
				follow(next, append(slices.Clip(via), ref.symbol.name))
			}
		}
	}
	follow(t, nil)
	return out
}

// refLeaves are the leaves of one reference.
func refLeaves(values map[string]*text, ref reference) []leaf {
	return leaves(values, &text{parts: []part{{expr: &expression{refs: []reference{ref}}}}})
}

// valueSets are all the values there are: of no plan, then of each.
func (c *compiler) valueSets() []valueSet {
	sets := []valueSet{{values: c.values}}
	for _, name := range sortedKeys(c.plans) {
		sets = append(sets, valueSet{plan: name, values: c.plans[name].values})
	}
	return sets
}

type valueSet struct {
	plan   string
	values map[string]*text
}

// checkValueCycles reports values that need themselves; false when there are.
func (c *compiler) checkValueCycles() bool {
	ok := true
	reported := map[string]bool{}
	for _, set := range c.valueSets() {
		for _, name := range sortedKeys(set.values) {
			cycle := valueCycle(set.values, name)
			if cycle == nil {
				continue
			}
			ok = false
			if t := set.values[name]; !reported[t.path] {
				for _, member := range cycle {
					reported[set.values[strings.TrimPrefix(member, "values.")].path] = true
				}
				c.at(t.path, "needs itself: "+strings.Join(cycle, " → "), "values that end in something else")
			}
		}
	}
	return ok
}

// valueCycle is the way from a value back to itself.
func valueCycle(values map[string]*text, start string) []string {
	seen := map[string]bool{}
	var follow func(name string) []string
	follow = func(name string) []string {
		for _, ref := range values[name].references() {
			if ref.symbol.kind != valueSymbol || values[ref.symbol.leaf] == nil {
				continue
			}
			if ref.symbol.leaf == start {
				return []string{"values." + name, "values." + start}
			}
			if !seen[ref.symbol.leaf] {
				seen[ref.symbol.leaf] = true
				if rest := follow(ref.symbol.leaf); rest != nil {
					return append([]string{"values." + name}, rest...)
				}
			}
		}
		return nil
	}
	return follow(start)
}

// checkSecretUse refuses secrets where others can read them: arguments of a
// process are public on its machine, and a path is logged by every proxy.
func (c *compiler) checkSecretUse() {
	const expected = "it in env or files: the program reads it there"
	reported := map[string]bool{}
	for _, t := range c.texts {
		if t.scope.noSecrets == "" {
			continue
		}
		for _, set := range c.valueSets() {
			for _, ref := range t.references() {
				for _, l := range refLeaves(set.values, ref) {
					key := fmt.Sprintf("%s %d", t.path, ref.offset)
					if l.symbol.kind != secretSymbol || reported[key] {
						continue
					}
					reported[key] = true
					c.within(t.path, ref.offset, secretWords(l, set.plan, t.scope.noSecrets), expected)
				}
			}
		}
	}
}

func secretWords(l leaf, plan, where string) string {
	message := fmt.Sprintf("%s holds the secret %q", where, l.symbol.name)
	if len(l.via) > 0 {
		message += " through " + strings.Join(l.via, " and ")
	}
	if plan != "" {
		message += fmt.Sprintf(" in plan %q", plan)
	}
	return message
}
