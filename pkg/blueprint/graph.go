package blueprint

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// graph is who starts after whom, and who connects to what.
type graph struct {
	after    map[string]map[string]mention // component → what it starts after
	connects map[string]map[string]bool    // component → "component.port"
	waves    [][]string
}

// mention is where one component first speaks of another.
type mention struct {
	path   string
	offset int
}

// buildGraph draws an edge for every mention of another component's port,
// whatever the plan, and for every "after".
func (c *compiler) buildGraph() *graph {
	g := &graph{after: map[string]map[string]mention{}, connects: map[string]map[string]bool{}}
	for name, component := range c.msg.GetComponents() {
		g.after[name], g.connects[name] = map[string]mention{}, map[string]bool{}
		for _, other := range component.GetAfter() {
			if c.msg.GetComponents()[other] != nil && other != name {
				g.after[name][other] = mention{path: "components." + name + ".after"}
			}
		}
	}
	for _, t := range c.texts {
		from := t.scope.component
		if g.after[from] == nil {
			continue
		}
		for _, set := range c.valueSets() {
			for _, ref := range t.references() {
				c.connect(g, t, ref, set)
			}
		}
	}
	c.order(g)
	return g
}

func (c *compiler) connect(g *graph, t *text, ref reference, set valueSet) {
	from := t.scope.component
	for _, l := range refLeaves(set.values, ref) {
		if l.symbol.kind != portSymbol || l.symbol.components[0] == from {
			continue
		}
		to := l.symbol.components[0]
		if message, expected := c.visible(l.symbol, t.scope); message != "" {
			c.within(t.path, ref.offset, message, expected)
		}
		g.connects[from][l.symbol.port] = true
		if _, known := g.after[from][to]; !known && t.scope.orders {
			g.after[from][to] = mention{path: t.path, offset: ref.offset}
		}
	}
}

// order sorts components into waves: each starts after all earlier ones that
// it depends on, and by name within a wave. What is left over is a cycle.
func (c *compiler) order(g *graph) {
	started := map[string]bool{}
	for len(started) < len(g.after) {
		var wave []string
		for _, name := range sortedKeys(g.after) {
			if !started[name] && !slices.ContainsFunc(sortedKeys(g.after[name]), func(d string) bool { return !started[d] }) {
				wave = append(wave, name)
			}
		}
		if len(wave) == 0 {
			c.reportCycles(g, started)
			return
		}
		for _, name := range wave {
			started[name] = true
		}
		g.waves = append(g.waves, wave)
	}
}

// reportCycles gives the whole way round, at the mention that closes it.
func (c *compiler) reportCycles(g *graph, started map[string]bool) {
	reported := map[string]bool{}
	for _, name := range sortedKeys(g.after) {
		if started[name] || reported[name] {
			continue
		}
		way := shortestCycle(g, name)
		if way == nil || slices.ContainsFunc(way, func(n string) bool { return reported[n] }) {
			continue
		}
		for _, n := range way {
			reported[n] = true
		}
		m := g.after[way[0]][way[1]]
		c.within(m.path, m.offset, "components start after each other: "+strings.Join(way, " → "),
			"an order: leave one mention out, or give that component another way to learn the address")
	}
}

// shortestCycle is the shortest way from a component back to itself; nil when
// there is none.
func shortestCycle(g *graph, start string) []string {
	from := map[string]string{}
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		for _, next := range sortedKeys(g.after[queue[0]]) {
			if next == start {
				way := []string{start}
				for at := queue[0]; at != start; at = from[at] {
					way = append(way, at)
				}
				way = append(way, start)
				slices.Reverse(way)
				return way
			}
			if _, seen := from[next]; !seen {
				from[next] = queue[0]
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// Order is the components in an order in which they can be started, the same
// each time.
func (r *Recipe) Order() []string { return slices.Concat(r.graph.waves...) }

// Waves are the components in groups that can start at the same time, each
// group after the ones before it.
func (r *Recipe) Waves() [][]string {
	out := make([][]string, len(r.graph.waves))
	for i, wave := range r.graph.waves {
		out[i] = slices.Clone(wave)
	}
	return out
}

// DependsOn are the components that a component starts after, in the order of
// the start. It is the same for all plans.
func (r *Recipe) DependsOn(name string) []string {
	order := r.Order()
	return slices.SortedFunc(maps.Keys(r.graph.after[name]), func(a, b string) int {
		return cmp.Compare(slices.Index(order, a), slices.Index(order, b))
	})
}

// Connects are the "component.port"s of others that a component may connect
// to, sorted. It is the same for all plans.
func (r *Recipe) Connects(name string) []string { return sortedKeys(r.graph.connects[name]) }
