package firewall

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/google/nftables"
)

// guarded is a table that owners have elements in.
type guarded struct {
	family   nftables.TableFamily
	name     string
	elements func(Owner) (map[string][]nftables.SetElement, error)
}

// tables lists them; the second is there when stamps are confined, too.
func tables(confine bool) []guarded {
	all := []guarded{{nftables.TableFamilyIPv4, tableName, elementsOf}}
	if confine {
		all = append(all, guarded{nftables.TableFamilyINet, loopbackTable, confined})
	}
	return all
}

// Lacking gives those of the owners that are not, or not wholly, in the tables, or
// whose table has no rules or those of another version: other programs change
// them, too, and "nft flush ruleset" is in the start script of many a machine.
// Allow, and Confine, put it right.
func Lacking(ctx context.Context, owners []Owner, confine bool) (lacking []Owner, err error) {
	err = locked(ctx, func() error {
		lacking, err = look(owners, confine)
		return err
	})
	return lacking, err
}

// Look is Lacking without the lock: a table that is just being changed may seem to
// lack what it has, never the other way round. So who sees that nothing is lacking
// is done, and who acts asks Lacking.
func Look(ctx context.Context, owners []Owner, confine bool) (lacking []Owner, err error) {
	err = alone(ctx, func() error {
		lacking, err = look(owners, confine)
		return err
	})
	return lacking, err
}

func look(owners []Owner, confine bool) (lacking []Owner, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read firewall: %w", err)
		}
	}()
	conn, err := nftables.New()
	if err != nil {
		return nil, err
	}
	incomplete := make([]bool, len(owners))
	for _, g := range tables(confine) {
		there, err := elementsOfTable(conn, g)
		if err != nil {
			return nil, err
		}
		for i, o := range owners {
			want, err := g.elements(o)
			if err != nil {
				return nil, err
			}
			incomplete[i] = incomplete[i] || !has(there, want)
		}
	}
	for i, o := range owners {
		if incomplete[i] {
			lacking = append(lacking, o)
		}
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

// elementsOfTable gives the keys by set; none when the table is missing, or has not
// the rules that it should have.
func elementsOfTable(conn *nftables.Conn, g guarded) (map[string]map[string]bool, error) {
	t, err := find(conn, g.family, g.name)
	if err != nil || t == nil {
		return nil, err
	}
	if v, err := versionOf(conn, t); err != nil || v != rulesVersion {
		return nil, err
	}
	sets, err := conn.GetSets(t)
	if errors.Is(err, fs.ErrNotExist) { // removed since
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	keys := map[string]map[string]bool{}
	for _, set := range sets {
		list, err := conn.GetSetElements(set)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
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
