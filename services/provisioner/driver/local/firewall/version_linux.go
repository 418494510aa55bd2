package firewall

import (
	"errors"
	"io/fs"

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

// renew replaces the rules of a table that are not of this version, all at
// once. The elements stay, so no stamp is open to others meanwhile.
func renew(conn *nftables.Conn, t *nftables.Table, rules func(*nftables.Conn, *nftables.Table)) error {
	there, err := rulesOf(conn, t)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		if v, ok := userdata.GetString(there[0].UserData, userdata.TypeComment); ok && v == rulesVersion {
			return nil
		}
	}
	conn.FlushTable(t)
	rules(conn, t)
	return conn.Flush()
}
