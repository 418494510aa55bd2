package firewall

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
)

// rulesVersion is the comment of each table's first rule. A table may be of an
// older release: whoever changes a rule changes this, and open tables are
// given the new rules. Sets are the same in all versions.
const rulesVersion = "stampworks rules 2"

// outputChain sees all packets that this machine sends.
const outputChain = "output"

// hook adds the chain of outgoing packets, with a policy that accepts.
func hook(conn *nftables.Conn, t *nftables.Table) *nftables.Chain {
	accept := nftables.ChainPolicyAccept
	return conn.AddChain(&nftables.Chain{
		Name: outputChain, Table: t, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter, Policy: &accept,
	})
}

// add appends rules to a chain; the hook's first has the version.
func add(conn *nftables.Conn, c *nftables.Chain, rules [][]expr.Any) {
	for i, exprs := range rules {
		rule := &nftables.Rule{Table: c.Table, Chain: c, Exprs: exprs}
		if i == 0 && c.Name == outputChain {
			rule.UserData = userdata.AppendString(nil, userdata.TypeComment, rulesVersion)
		}
		conn.AddRule(rule)
	}
}

// rulesOf gives the rules that a table has for outgoing packets, if any.
func rulesOf(conn *nftables.Conn, t *nftables.Table) ([]*nftables.Rule, error) {
	rules, err := conn.GetRules(t, &nftables.Chain{Name: outputChain, Table: t})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return rules, err
}

// versionOf gives the version of a table's rules; empty when it has none, or they
// are somebody else's.
func versionOf(conn *nftables.Conn, t *nftables.Table) (string, error) {
	rules, err := rulesOf(conn, t)
	if err != nil || len(rules) == 0 {
		return "", err
	}
	version, _ := userdata.GetString(rules[0].UserData, userdata.TypeComment)
	return version, nil
}

// find gives a table by its name, or nil.
func find(conn *nftables.Conn, family nftables.TableFamily, name string) (*nftables.Table, error) {
	all, err := conn.ListTablesOfFamily(family)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(t *nftables.Table) bool { return t.Name == name })
	if at < 0 {
		return nil, nil
	}
	return all[at], nil
}

// obtain gives a table as it should be. One that is missing is built, and so is
// one that has lost its rules, and its chain perhaps; the rules of one that has
// those of another version are replaced, all at once: the elements stay, so no
// stamp is open to others meanwhile.
func obtain(conn *nftables.Conn, family nftables.TableFamily, name string,
	build func(*nftables.Conn, *nftables.Table) error, rules func(*nftables.Conn, *nftables.Table),
) (*nftables.Table, error) {
	t, err := find(conn, family, name)
	if err != nil {
		return nil, err
	}
	if t != nil {
		there, err := rulesOf(conn, t)
		if err != nil {
			return nil, err
		}
		if len(there) > 0 {
			return t, renew(conn, t, rules)
		}
		conn.DelTable(t) // goes with what builds it
	}
	t = &nftables.Table{Family: family, Name: name}
	return t, build(conn, t)
}

// renew replaces the rules of a table that are not of this version.
func renew(conn *nftables.Conn, t *nftables.Table, rules func(*nftables.Conn, *nftables.Table)) error {
	if v, err := versionOf(conn, t); err != nil || v == rulesVersion {
		return err
	}
	conn.FlushTable(t)
	rules(conn, t)
	return conn.Flush()
}
