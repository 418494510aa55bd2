package firewall

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// loopbackTable is a second table of the whole host: what stamps may connect
// to on their own machine.
const loopbackTable = "stampworks-loopback"

// stampChain is its chain for packets of stamps.
const stampChain = "stamps"

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

// buildLoopback makes the table at once, or nothing.
func buildLoopback(conn *nftables.Conn, t *nftables.Table) error {
	conn.AddTable(t)
	for _, set := range []*nftables.Set{
		{Table: t, Name: userSet, KeyType: nftables.TypeUID},
		{Table: t, Name: ownSet, KeyType: nftables.MustConcatSetType(nftables.TypeIPAddr, nftables.TypeUID), Concatenation: true},
		{Table: t, Name: openSet, KeyType: nftables.TypeInetService},
	} {
		if err := conn.AddSet(set, nil); err != nil {
			return err
		}
	}
	loopbackRules(conn, t)
	return conn.Flush()
}

// loopbackRules adds the chains. Services of this machine take whoever comes by
// loopback for somebody of the house; stamps are not. In the chain "output":
//
//	oifname "lo" meta skuid @users jump stamps
//
// and in "stamps":
//
//	tcp flags & (syn|ack) != syn accept
//	ip daddr . meta skuid @own accept
//	tcp dport @open accept
//	udp dport @open accept
//	udp dport >= 32768 accept
//	meta l4proto tcp reject with tcp reset
//	reject
//
// What the kernel sends itself, such as answers to pings, has no user: a rule
// that asks for one never matches it, neither with = nor with !=. So the stamps
// are picked out, and not everybody else.
//
// The first of "stamps" lets them answer. The fifth is for programs that speak
// to themselves, as PostgreSQL before 15 does. The sixth is a reset because
// connect takes no notice of ICMP until it sends again, a second later.
func loopbackRules(conn *nftables.Conn, t *nftables.Table) {
	output := hook(conn, t)
	stamps := conn.AddChain(&nftables.Chain{Name: stampChain, Table: t})
	pass := &expr.Verdict{Kind: expr.VerdictAccept}
	port := load(expr.PayloadBaseTransportHeader, destinationPort, 2)
	in := func(set string) expr.Any { return &expr.Lookup{SourceRegister: first, SetName: set} }
	tcp, udp := is(expr.MetaKeyL4PROTO, unix.IPPROTO_TCP), is(expr.MetaKeyL4PROTO, unix.IPPROTO_UDP)
	lo := append([]byte("lo"), make([]byte, unix.IFNAMSIZ-len("lo"))...)
	add(conn, stamps, [][]expr.Any{
		slices.Concat(tcp, []expr.Any{
			load(expr.PayloadBaseTransportHeader, tcpFlags, 1),
			&expr.Bitwise{SourceRegister: first, DestRegister: first, Len: 1, Mask: []byte{synAndAck}, Xor: []byte{0}},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: first, Data: []byte{syn}}, pass,
		}),
		append(is(expr.MetaKeyNFPROTO, unix.NFPROTO_IPV4), load(expr.PayloadBaseNetworkHeader, destinationAddress, 4),
			&expr.Meta{Key: expr.MetaKeySKUID, Register: second}, in(ownSet), pass),
		slices.Concat(tcp, []expr.Any{port, in(openSet), pass}),
		slices.Concat(udp, []expr.Any{port, in(openSet), pass}),
		slices.Concat(udp, []expr.Any{port, &expr.Cmp{
			Op: expr.CmpOpGte, Register: first, Data: binary.BigEndian.AppendUint16(nil, firstTemporary),
		}, pass}),
		slices.Concat(tcp, []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}}),
		{&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: icmpxPort}},
	})
	add(conn, output, [][]expr.Any{append(is(expr.MetaKeyOIFNAME, lo...), &expr.Meta{Key: expr.MetaKeySKUID, Register: first},
		in(userSet), &expr.Verdict{Kind: expr.VerdictJump, Chain: stampChain})})
}

// Confine lets the owner connect on this machine to what is its own, to public
// ports of stamps, to the name server, and to more ports. Calling it twice is
// fine.
func Confine(ctx context.Context, o Owner, more []int) error {
	elements, err := confined(o)
	if err != nil {
		return err
	}
	for _, port := range append([]int{dnsPort}, more...) {
		elements[openSet] = append(elements[openSet], nftables.SetElement{Key: binary.BigEndian.AppendUint16(nil, uint16(port))})
	}
	return inLoopback(ctx, true, func(conn *nftables.Conn, t *nftables.Table) error {
		return fill(conn, t, elements)
	})
}

// Release forgets what Confine was told of the owner. Calling it twice is fine.
// The last one takes the table with it.
func Release(ctx context.Context, o Owner) error {
	elements, err := confined(o)
	if err != nil {
		return err
	}
	return inLoopback(ctx, false, func(conn *nftables.Conn, t *nftables.Table) error {
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
func inLoopback(ctx context.Context, create bool, fn func(*nftables.Conn, *nftables.Table) error) error {
	return locked(ctx, func() error {
		conn, err := nftables.New()
		if err != nil {
			return fmt.Errorf("change firewall: %w", err)
		}
		var found *nftables.Table
		if create {
			found, err = obtain(conn, nftables.TableFamilyINet, loopbackTable, buildLoopback, loopbackRules)
		} else if found, err = find(conn, nftables.TableFamilyINet, loopbackTable); err == nil && found == nil {
			return nil
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
