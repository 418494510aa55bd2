package firewall

import (
	"reflect"
	"runtime"
	"testing"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// ownNetwork gives the test a network namespace: what it does to the rules, no
// other program notices. The thread that is in it ends with the test.
func ownNetwork(t *testing.T) *nftables.Conn {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("needs root: %v", err)
	}
	if !Available() {
		t.Skip("needs nftables")
	}
	conn, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func mustLack(t *testing.T, when string, owners []Owner, want ...Owner) {
	t.Helper()
	if got, err := Lacking(t.Context(), owners, false); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: lacking %+v, %v, want %+v", when, got, err, want)
	}
}

func TestLackingIsSeenAndMadeGood(t *testing.T) {
	conn := ownNetwork(t)
	a := Owner{User: 200001, Address: "127.64.0.1", Ports: []int{20001}}
	b := Owner{User: 200002, Address: "127.64.0.2", Ports: []int{20002, 20003}}
	all := []Owner{a, b}
	allow := func() {
		t.Helper()
		for _, o := range all {
			if err := Allow(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		mustLack(t, "after Allow", all)
	}
	mustLack(t, "before Allow", all, a, b)
	allow()
	for name, harm := range map[string]func(){
		"flush ruleset": conn.FlushRuleset,
		"flush table":   func() { conn.FlushTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: tableName}) },
		"delete table":  func() { conn.DelTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: tableName}) },
	} {
		harm()
		if err := conn.Flush(); err != nil {
			t.Fatal(err)
		}
		mustLack(t, name, all, a, b)
		allow()
		tab := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: tableName}
		if rules, err := conn.GetRules(tab, &nftables.Chain{Name: "output", Table: tab}); err != nil || len(rules) == 0 {
			t.Errorf("after %s and Allow: rules %v, %v", name, rules, err)
		}
	}
	set, err := conn.GetSetByName(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: tableName}, portSet)
	if err != nil {
		t.Fatal(err)
	}
	one, err := elementsOf(Owner{Ports: []int{20003}})
	if err == nil {
		err = conn.SetDeleteElements(set, one[portSet])
	}
	if err == nil {
		err = conn.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	mustLack(t, "one port removed", all, b)
}
