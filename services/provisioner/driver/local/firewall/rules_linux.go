package firewall

import (
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Registers of four bytes: a lookup of a pair reads both, one after the other.
// The first is the beginning of the 16-byte register 1.
const (
	first  = unix.NFT_REG_1
	second = unix.NFT_REG32_01
)

// Where things are in an IPv4 header (RFC 791) and a TCP header (RFC 9293).
const (
	sourceAddress      = 12
	destinationAddress = 16
	sourcePort         = 0
)

// sets by name.
type sets map[string]*nftables.Set

// build makes the table, its sets and its rules at once, or nothing:
//
//	meta skuid 0 accept
//	ip daddr @addresses ip daddr . meta skuid != @address_owners reject
//	ip saddr @addresses ip saddr . meta skuid != @address_owners drop
//	tcp sport @ports tcp sport . meta skuid != @port_owners drop
//
// The second stops who would connect, the third and fourth who would answer.
func build(conn *nftables.Conn, t *nftables.Table) error {
	conn.AddTable(t)
	all := sets{}
	for name, key := range map[string]nftables.SetDatatype{
		addressSet: nftables.TypeIPAddr, portSet: nftables.TypeInetService,
		addressOwnerSet: nftables.MustConcatSetType(nftables.TypeIPAddr, nftables.TypeUID),
		portOwnerSet:    nftables.MustConcatSetType(nftables.TypeInetService, nftables.TypeUID),
	} {
		pair := name == addressOwnerSet || name == portOwnerSet
		all[name] = &nftables.Set{Table: t, Name: name, KeyType: key, Concatenation: pair}
		if err := conn.AddSet(all[name], nil); err != nil {
			return err
		}
	}
	accept := nftables.ChainPolicyAccept
	chain := conn.AddChain(&nftables.Chain{
		Name: "output", Table: t, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter, Policy: &accept,
	})
	drop := &expr.Verdict{Kind: expr.VerdictDrop}
	reject := &expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: 3} // port unreachable (RFC 792)
	for _, rule := range [][]expr.Any{
		{
			&expr.Meta{Key: expr.MetaKeySKUID, Register: first},
			&expr.Cmp{Op: expr.CmpOpEq, Register: first, Data: make([]byte, 4)},
			&expr.Verdict{Kind: expr.VerdictAccept},
		},
		all.others(load(expr.PayloadBaseNetworkHeader, destinationAddress, 4), addressSet, addressOwnerSet, reject),
		all.others(load(expr.PayloadBaseNetworkHeader, sourceAddress, 4), addressSet, addressOwnerSet, drop),
		append([]expr.Any{
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: first},
			&expr.Cmp{Op: expr.CmpOpEq, Register: first, Data: []byte{unix.IPPROTO_TCP}},
		}, all.others(load(expr.PayloadBaseTransportHeader, sourcePort, 2), portSet, portOwnerSet, drop)...),
	} {
		conn.AddRule(&nftables.Rule{Table: t, Chain: chain, Exprs: rule})
	}
	return conn.Flush()
}

// others is a rule for packets whose field is in the set, and whose sender is
// not its owner.
func (s sets) others(field expr.Any, owned, owners string, verdict expr.Any) []expr.Any {
	return []expr.Any{
		field,
		&expr.Lookup{SourceRegister: first, SetName: owned, SetID: s[owned].ID},
		field,
		&expr.Meta{Key: expr.MetaKeySKUID, Register: second},
		&expr.Lookup{SourceRegister: first, SetName: owners, SetID: s[owners].ID, Invert: true},
		verdict,
	}
}

func load(base expr.PayloadBase, offset, length uint32) expr.Any {
	return &expr.Payload{DestRegister: first, Base: base, Offset: offset, Len: length}
}
