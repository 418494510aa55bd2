package firewall

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/nftables"
)

// guarded is a table that owners have elements in.
type guarded struct {
	family   nftables.TableFamily
	name     string
	elements func(Owner) (map[string][]nftables.SetElement, error)
	rules    func(*nftables.Conn, *nftables.Table)
}

// tables lists them; the second is there when stamps are confined, too.
func tables(confine bool) []guarded {
	all := []guarded{{nftables.TableFamilyIPv4, tableName, elementsOf, ownerRules}}
	if confine {
		all = append(all, guarded{nftables.TableFamilyINet, loopbackTable, confined, loopbackRules})
	}
	return all
}

// Lacking gives those of the owners that are not, or not wholly, in the tables:
// other programs change them, too, and "nft flush ruleset" is in the start
// script of many a machine. A table that has lost its rules is removed, so that
// the next Allow, or Confine, makes it as it should be; one with rules of
// another version is given this one's.
func Lacking(ctx context.Context, owners []Owner, confine bool) (lacking []Owner, err error) {
	err = locked(ctx, func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		incomplete := make([]bool, len(owners))
		for _, g := range tables(confine) {
			there, err := elementsOfTable(conn, g)
			if err != nil {
				return err
			}
			for i, o := range owners {
				want, err := g.elements(o)
				if err != nil {
					return err
				}
				incomplete[i] = incomplete[i] || !has(there, want)
			}
		}
		for i, o := range owners {
			if incomplete[i] {
				lacking = append(lacking, o)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read firewall: %w", err)
	}
	return lacking, nil
}

func has(there map[string]map[string]bool, want map[string][]nftables.SetElement) bool {
	for name, list := range want {
		if slices.ContainsFunc(list, func(e nftables.SetElement) bool { return !there[name][string(e.Key)] }) {
			return false
		}
	}
	return true
}

// elementsOfTable gives the keys by set; none when the table is missing, or did
// nothing and was removed.
func elementsOfTable(conn *nftables.Conn, g guarded) (map[string]map[string]bool, error) {
	tables, err := conn.ListTablesOfFamily(g.family)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(tables, func(t *nftables.Table) bool { return t.Name == g.name })
	if at < 0 {
		return nil, nil
	}
	t := tables[at]
	rules, err := rulesOf(conn, t)
	if err != nil {
		return nil, err
	}
	if len(rules) == 0 {
		conn.DelTable(t)
		return nil, conn.Flush()
	}
	if err := renew(conn, t, g.rules); err != nil {
		return nil, err
	}
	sets, err := conn.GetSets(t)
	if err != nil {
		return nil, err
	}
	keys := map[string]map[string]bool{}
	for _, set := range sets {
		list, err := conn.GetSetElements(set)
		if err != nil {
			return nil, err
		}
		keys[set.Name] = make(map[string]bool, len(list))
		for _, e := range list {
			keys[set.Name][string(e.Key)] = true
		}
	}
	return keys, nil
}
