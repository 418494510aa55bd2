package firewall

import (
	"fmt"

	"github.com/google/nftables"
)

// Holds counts the elements of the tables that are an owner's, and changes
// nothing: after a stamp is destroyed there are none.
func Holds(o Owner) (int, error) {
	elements, err := elementsOf(o)
	if err != nil {
		return 0, err
	}
	mine, err := confined(o)
	if err != nil {
		return 0, err
	}
	owns, err := holds(nftables.TableFamilyIPv4, tableName, elements)
	if err != nil {
		return 0, err
	}
	reaches, err := holds(nftables.TableFamilyINet, loopbackTable, mine)
	return owns + reaches, err
}

// holds counts those of the elements that a table has.
func holds(family nftables.TableFamily, table string, elements map[string][]nftables.SetElement) (int, error) {
	conn, err := nftables.New()
	if err != nil {
		return 0, fmt.Errorf("read firewall: %w", err)
	}
	all, err := conn.ListTablesOfFamily(family)
	if err != nil {
		return 0, fmt.Errorf("read firewall: %w", err)
	}
	held := 0
	for _, t := range all {
		if t.Name != table {
			continue
		}
		for name, list := range elements {
			n, err := count(conn, t, name, list)
			if err != nil {
				return 0, fmt.Errorf("read firewall: %w", err)
			}
			held += n
		}
	}
	return held, nil
}

// count says how many of a list a set has.
func count(conn *nftables.Conn, t *nftables.Table, name string, list []nftables.SetElement) (int, error) {
	if len(list) == 0 {
		return 0, nil
	}
	set, err := conn.GetSetByName(t, name)
	if err != nil {
		return 0, err
	}
	there, err := conn.GetSetElements(set)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, one := range there {
		for _, element := range list {
			if string(one.Key) == string(element.Key) {
				n++
			}
		}
	}
	return n, nil
}
