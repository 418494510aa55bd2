package yamlpb

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

type entry struct {
	name       string
	key, value *yaml.Node
}

// entries lists the pairs of a mapping; what merge keys bring in comes last
// and never replaces what the mapping says itself.
func (d *decoder) entries(n *yaml.Node, path string, depth int) ([]entry, error) {
	var own []entry
	var merged []*yaml.Node
	at := map[string]int{} // name → line
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == mergeTag {
			merged = append(merged, value)
			continue
		}
		for key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			d.add(key, path, "a key is "+describe(key), "a name")
			continue
		}
		if line, again := at[key.Value]; again {
			d.add(key, join(path, key.Value), fmt.Sprintf("key %q is said again (first on line %d)", key.Value, line), "each key once")
			continue
		}
		at[key.Value] = key.Line
		own = append(own, entry{name: key.Value, key: key, value: value})
	}
	for _, m := range merged {
		more, err := d.merge(m, path, depth+1)
		if err != nil {
			return nil, err
		}
		for _, e := range more {
			if _, known := at[e.name]; !known {
				at[e.name] = e.key.Line
				own = append(own, e)
			}
		}
	}
	return own, nil
}

// merge gives the entries of "<<": a mapping, or a list of mappings of which
// the first wins.
func (d *decoder) merge(n *yaml.Node, path string, depth int) ([]entry, error) {
	n, err := d.enter(n, path, depth)
	if err != nil {
		return nil, err
	}
	switch n.Kind {
	case yaml.MappingNode:
		return d.entries(n, path, depth)
	case yaml.SequenceNode:
		var all []entry
		for _, item := range n.Content {
			more, err := d.merge(item, path, depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		return all, nil
	}
	d.add(n, path, "a merge key is "+describe(n), "a mapping or a list of mappings")
	return nil, nil
}
