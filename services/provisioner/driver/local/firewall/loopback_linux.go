package firewall

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// loopbackTable is a second table of the whole host: what stamps may connect
// to on their own machine.
const loopbackTable = "stampworks-loopback"

// Its sets.
const (
	userSet = "users" // of stamps
	ownSet  = "own"   // a stamp's address and its user
	openSet = "open"  // ports that every stamp may connect to
)

const (
	dnsPort         = 53    // resolvers on loopback, such as systemd-resolved
	firstTemporary  = 32768 // of the ports that programs are given when they ask for any
	destinationPort = 2     // in TCP and UDP headers
	tcpFlags        = 13
	synAndAck       = 0x12
	syn             = 0x02
	icmpxPort       = 1 // port unreachable, of either family: NFT_REJECT_ICMPX_PORT_UNREACH
)

// buildLoopback makes the table at once, or nothing. Services of this machine
// take whoever comes by loopback for somebody of the house; stamps are not:
//
//	oifname != "lo" accept
//	meta skuid != @users accept
//	tcp flags & (syn|ack) != syn accept
//	ip daddr . meta skuid @own accept
//	tcp dport @open accept
//	udp dport @open accept
//	udp dport >= 32768 accept
//	reject
//
// The third lets stamps answer. The seventh is for programs that speak to
// themselves, as PostgreSQL before 15 does.
func buildLoopback(conn *nftables.Conn, t *nftables.Table) error {
	conn.AddTable(t)
	users := &nftables.Set{Table: t, Name: userSet, KeyType: nftables.TypeUID}
	own := &nftables.Set{Table: t, Name: ownSet, KeyType: nftables.MustConcatSetType(nftables.TypeIPAddr, nftables.TypeUID), Concatenation: true}
	open := &nftables.Set{Table: t, Name: openSet, KeyType: nftables.TypeInetService}
	for _, set := range []*nftables.Set{users, own, open} {
		if err := conn.AddSet(set, nil); err != nil {
			return err
		}
	}
	accept := nftables.ChainPolicyAccept
	chain := conn.AddChain(&nftables.Chain{
		Name: "output", Table: t, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter, Policy: &accept,
	})
	pass := &expr.Verdict{Kind: expr.VerdictAccept}
	port := load(expr.PayloadBaseTransportHeader, destinationPort, 2)
	in := func(set *nftables.Set, invert bool) expr.Any {
		return &expr.Lookup{SourceRegister: first, SetName: set.Name, SetID: set.ID, Invert: invert}
	}
	is := func(key expr.MetaKey, op expr.CmpOp, data ...byte) []expr.Any {
		return []expr.Any{&expr.Meta{Key: key, Register: first}, &expr.Cmp{Op: op, Register: first, Data: data}}
	}
	tcp, udp := is(expr.MetaKeyL4PROTO, expr.CmpOpEq, unix.IPPROTO_TCP), is(expr.MetaKeyL4PROTO, expr.CmpOpEq, unix.IPPROTO_UDP)
	lo := append([]byte("lo"), make([]byte, unix.IFNAMSIZ-len("lo"))...)
	for _, rule := range [][]expr.Any{
		append(is(expr.MetaKeyOIFNAME, expr.CmpOpNeq, lo...), pass),
		{&expr.Meta{Key: expr.MetaKeySKUID, Register: first}, in(users, true), pass},
		append(tcp, load(expr.PayloadBaseTransportHeader, tcpFlags, 1),
			&expr.Bitwise{SourceRegister: first, DestRegister: first, Len: 1, Mask: []byte{synAndAck}, Xor: []byte{0}},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: first, Data: []byte{syn}}, pass),
		append(is(expr.MetaKeyNFPROTO, expr.CmpOpEq, unix.NFPROTO_IPV4), load(expr.PayloadBaseNetworkHeader, destinationAddress, 4),
			&expr.Meta{Key: expr.MetaKeySKUID, Register: second}, in(own, false), pass),
		append(tcp, port, in(open, false), pass),
		append(udp, port, in(open, false), pass),
		append(udp, port, &expr.Cmp{Op: expr.CmpOpGte, Register: first, Data: binary.BigEndian.AppendUint16(nil, firstTemporary)}, pass),
		{&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: icmpxPort}},
	} {
		conn.AddRule(&nftables.Rule{Table: t, Chain: chain, Exprs: rule})
	}
	return conn.Flush()
}

// Confine lets the owner connect on this machine to what is its own, to public
// ports of stamps, to the name server, and to more ports. Calling it twice is
// fine.
func Confine(o Owner, more []int) error {
	elements, err := confined(o)
	if err != nil {
		return err
	}
	for _, port := range append([]int{dnsPort}, more...) {
		elements[openSet] = append(elements[openSet], nftables.SetElement{Key: binary.BigEndian.AppendUint16(nil, uint16(port))})
	}
	return inLoopback(true, func(conn *nftables.Conn, t *nftables.Table) error {
		for name, list := range elements {
			set, err := conn.GetSetByName(t, name)
			if err == nil && len(list) > 0 {
				err = conn.SetAddElements(set, list)
			}
			if err != nil {
				return err
			}
		}
		return conn.Flush()
	})
}

// Release forgets what Confine was told of the owner. Calling it twice is fine.
// The last one takes the table with it.
func Release(o Owner) error {
	elements, err := confined(o)
	if err != nil {
		return err
	}
	return inLoopback(false, func(conn *nftables.Conn, t *nftables.Table) error {
		users := 0
		for name, list := range elements {
			left, err := forget(conn, t, name, list)
			if err != nil {
				return err
			}
			if name == userSet {
				users = left
			}
		}
		if users == 0 {
			conn.DelTable(t)
		}
		return conn.Flush()
	})
}

// inLoopback gives fn the table; one that is missing is made or is nothing.
func inLoopback(create bool, fn func(*nftables.Conn, *nftables.Table) error) error {
	return locked(func() error {
		conn, err := nftables.New()
		if err != nil {
			return fmt.Errorf("change firewall: %w", err)
		}
		all, err := conn.ListTablesOfFamily(nftables.TableFamilyINet)
		if err != nil {
			return fmt.Errorf("change firewall: %w", err)
		}
		var found *nftables.Table
		for _, t := range all {
			if t.Name == loopbackTable {
				found = t
			}
		}
		if found == nil && !create {
			return nil
		}
		if found == nil {
			found = &nftables.Table{Family: nftables.TableFamilyINet, Name: loopbackTable}
			err = buildLoopback(conn, found)
		}
		if err == nil {
			err = fn(conn, found)
		}
		if err != nil {
			return fmt.Errorf("change firewall: %w", err)
		}
		return nil
	})
}

// confined gives the owner's elements by set.
func confined(o Owner) (map[string][]nftables.SetElement, error) {
	all, err := elementsOf(o)
	if err != nil {
		return nil, err
	}
	return map[string][]nftables.SetElement{
		userSet: {{Key: binary.NativeEndian.AppendUint32(nil, uint32(o.User))}},
		ownSet:  all[addressOwnerSet],
		openSet: all[portSet],
	}, nil
}
