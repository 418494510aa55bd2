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

// build makes the table, its sets and its rules at once, or nothing.
func build(conn *nftables.Conn, t *nftables.Table) error {
	conn.AddTable(t)
	for name, key := range map[string]nftables.SetDatatype{
		addressSet: nftables.TypeIPAddr, portSet: nftables.TypeInetService,
		addressOwnerSet: nftables.MustConcatSetType(nftables.TypeIPAddr, nftables.TypeUID),
		portOwnerSet:    nftables.MustConcatSetType(nftables.TypeInetService, nftables.TypeUID),
	} {
		pair := name == addressOwnerSet || name == portOwnerSet
		if err := conn.AddSet(&nftables.Set{Table: t, Name: name, KeyType: key, Concatenation: pair}, nil); err != nil {
			return err
		}
	}
	ownerRules(conn, t)
	return conn.Flush()
}

// ownerRules adds the chain:
//
//	meta skuid 0 accept
//	meta l4proto tcp ip daddr @addresses ip daddr . meta skuid != @address_owners reject with tcp reset
//	ip daddr @addresses ip daddr . meta skuid != @address_owners reject
//	ip saddr @addresses ip saddr . meta skuid != @address_owners drop
//	tcp sport @ports tcp sport . meta skuid != @port_owners drop
//
// The second and third stop who would connect, the others who would answer.
// What the kernel sends itself has no user, and none of them matches it.
func ownerRules(conn *nftables.Conn, t *nftables.Table) {
	to := load(expr.PayloadBaseNetworkHeader, destinationAddress, 4)
	from := load(expr.PayloadBaseNetworkHeader, sourceAddress, 4)
	drop := &expr.Verdict{Kind: expr.VerdictDrop}
	reset := &expr.Reject{Type: unix.NFT_REJECT_TCP_RST}
	reject := &expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: 3} // port unreachable (RFC 792)
	add(conn, hook(conn, t), [][]expr.Any{
		append(is(expr.MetaKeySKUID, 0, 0, 0, 0), &expr.Verdict{Kind: expr.VerdictAccept}),
		append(is(expr.MetaKeyL4PROTO, unix.IPPROTO_TCP), others(to, addressSet, addressOwnerSet, reset)...),
		others(to, addressSet, addressOwnerSet, reject),
		others(from, addressSet, addressOwnerSet, drop),
		append(is(expr.MetaKeyL4PROTO, unix.IPPROTO_TCP),
			others(load(expr.PayloadBaseTransportHeader, sourcePort, 2), portSet, portOwnerSet, drop)...),
	})
}

// others is a rule for packets whose field is in the set, and whose sender is
// not its owner.
func others(field expr.Any, owned, owners string, verdict expr.Any) []expr.Any {
	return []expr.Any{
		field,
		&expr.Lookup{SourceRegister: first, SetName: owned},
		field,
		&expr.Meta{Key: expr.MetaKeySKUID, Register: second},
		&expr.Lookup{SourceRegister: first, SetName: owners, Invert: true},
		verdict,
	}
}

// is begins a rule for packets of which the kernel knows this.
func is(key expr.MetaKey, data ...byte) []expr.Any {
	return []expr.Any{&expr.Meta{Key: key, Register: first}, &expr.Cmp{Op: expr.CmpOpEq, Register: first, Data: data}}
}

func load(base expr.PayloadBase, offset, length uint32) expr.Any {
	return &expr.Payload{DestRegister: first, Base: base, Offset: offset, Len: length}
}
