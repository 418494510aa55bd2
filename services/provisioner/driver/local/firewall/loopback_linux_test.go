package firewall

import (
	"errors"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Users of the tests: one stamp's, and one that is nobody's.
const (
	stampUser = 200001
	otherUser = 1000
)

var stamp = Owner{User: stampUser, Address: "127.64.0.1", Ports: []int{20001}}

// confinedNetwork is a network of the test's own with one confined stamp.
func confinedNetwork(t *testing.T) *nftables.Conn {
	t.Helper()
	conn := ownNetwork(t)
	if !Confines() {
		t.Skip("needs nftables for both families")
	}
	loopbackUp(t)
	if err := errors.Join(Allow(t.Context(), stamp), Confine(t.Context(), stamp, []int{4317})); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestOthersKeepTheirLoopback(t *testing.T) {
	confinedNetwork(t)
	if err := ping(t); err != nil {
		t.Errorf("ping 127.0.0.1: %v", err)
	}
	listen(t, "127.0.0.1:9000")
	for _, user := range []int{0, otherUser} {
		for _, to := range []string{"127.0.0.1:9", "[::1]:9", "127.0.0.1:40000", "[::1]:40000"} {
			if err := datagram(t, user, to); !errors.Is(err, unix.ECONNREFUSED) {
				t.Errorf("user %d's datagram to closed port %s: %v, want it refused", user, to, err)
			}
			if err := connect(t, user, to); !errors.Is(err, unix.ECONNREFUSED) {
				t.Errorf("user %d's connection to closed port %s: %v, want it refused", user, to, err)
			}
		}
		if err := connect(t, user, "127.0.0.1:9000"); err != nil {
			t.Errorf("user %d's connection: %v", user, err)
		}
	}
}

func TestForbiddenIsRefusedAtOnce(t *testing.T) {
	confinedNetwork(t)
	listening := map[string]bool{}
	for _, c := range []struct {
		user    int
		to      string
		allowed bool
	}{
		{stampUser, "127.64.0.1:5432", true}, // its own
		{stampUser, "127.0.0.1:20001", true}, // a public one
		{stampUser, "127.0.0.1:53", true},
		{stampUser, "[::1]:4317", true},
		{stampUser, "127.0.0.1:9000", false},
		{stampUser, "[::1]:9000", false},
		{stampUser, "127.64.0.2:5432", false}, // another stamp's
		{otherUser, "127.64.0.1:5432", false},
		{0, "127.64.0.1:5432", true},
	} {
		if !listening[c.to] {
			listen(t, c.to)
			listening[c.to] = true
		}
		err := connect(t, c.user, c.to)
		if c.allowed && err != nil {
			t.Errorf("user %d's connection to %s: %v", c.user, c.to, err)
		}
		if !c.allowed && !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("user %d's connection to %s: %v, want it refused", c.user, c.to, err)
		}
	}
	for _, to := range []string{"127.0.0.1:9", "[::1]:9"} {
		if err := datagram(t, stampUser, to); !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("a stamp's datagram to %s: %v, want it refused", to, err)
		}
	}
}

// TestOlderRulesAreReplaced makes both tables as the first release did, as far
// as it matters, and sees that who uses them renews them and keeps the elements.
func TestOlderRulesAreReplaced(t *testing.T) {
	conn := confinedNetwork(t)
	listen(t, "127.0.0.1:9000")
	before, err := Holds(stamp)
	if err != nil || before == 0 {
		t.Fatalf("holds %d, %v", before, err)
	}
	olderRules(t, conn)
	if err := ping(t); err == nil {
		t.Fatal("the older rules let pings be answered")
	}
	if lacking, err := Lacking(t.Context(), []Owner{stamp}, true); err != nil || len(lacking) != 1 {
		t.Errorf("lacking %+v, %v, want the one whose tables have older rules", lacking, err)
	}
	if err := errors.Join(Allow(t.Context(), stamp), Confine(t.Context(), stamp, nil)); err != nil {
		t.Fatal(err)
	}
	if err := ping(t); err != nil {
		t.Errorf("ping 127.0.0.1: %v", err)
	}
	if err := connect(t, stampUser, "127.0.0.1:9000"); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("a stamp's connection: %v, want it refused", err)
	}
	if after, err := Holds(stamp); err != nil || after != before {
		t.Errorf("holds %d, %v, want %d", after, err, before)
	}
	mustHaveRules(t, conn)
}

func olderRules(t *testing.T, conn *nftables.Conn) {
	t.Helper()
	for _, g := range tables(true) {
		table := &nftables.Table{Family: g.family, Name: g.name}
		output := &nftables.Chain{Name: outputChain, Table: table}
		conn.FlushTable(table)
		rules := [][]expr.Any{append(is(expr.MetaKeySKUID, 0, 0, 0, 0), &expr.Verdict{Kind: expr.VerdictAccept})}
		if g.name == loopbackTable {
			rules = [][]expr.Any{
				{
					&expr.Meta{Key: expr.MetaKeySKUID, Register: first},
					&expr.Lookup{SourceRegister: first, SetName: userSet, Invert: true}, &expr.Verdict{Kind: expr.VerdictAccept},
				},
				{&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: icmpxPort}},
			}
		}
		for _, exprs := range rules {
			conn.AddRule(&nftables.Rule{Table: table, Chain: output, Exprs: exprs})
		}
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
}

// mustHaveRules fails unless the chains have as many rules as new ones have.
func mustHaveRules(t *testing.T, conn *nftables.Conn) {
	t.Helper()
	want := map[string]int{tableName: 5, loopbackTable: 1}
	for _, g := range tables(true) {
		rules, err := rulesOf(conn, &nftables.Table{Family: g.family, Name: g.name})
		if err != nil || len(rules) != want[g.name] {
			t.Errorf("table %s has %d rules, %v, want %d", g.name, len(rules), err, want[g.name])
		}
	}
}
