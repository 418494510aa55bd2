package firewall

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
)

// tableName is the table of the whole host.
const tableName = "stampworks"

// The sets: what belongs to stamps, and the pairs of it and its owner.
const (
	addressSet      = "addresses"
	addressOwnerSet = "address_owners"
	portSet         = "ports"
	portOwnerSet    = "port_owners"
)

// Available tries the whole table under another name. The kernel may lack the
// family, a module or the permission; trying is the one way to know.
func Available() bool { return builds(nftables.TableFamilyIPv4, tableName, build) }

// Confines says whether Confine is to be had.
func Confines() bool { return builds(nftables.TableFamilyINet, loopbackTable, buildLoopback) }

// builds needs no lock of the machine: nobody else has a table of that name.
func builds(family nftables.TableFamily, name string, build func(*nftables.Conn, *nftables.Table) error) bool {
	return alone(context.Background(), func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		t := &nftables.Table{Family: family, Name: name + "-probe-" + rand.Text()[:8]}
		if err := build(conn, t); err != nil {
			return err
		}
		conn.DelTable(t)
		return conn.Flush()
	}) == nil
}

// Allow makes the owner's things its alone. Calling it twice is fine.
func Allow(ctx context.Context, o Owner) error {
	return change(ctx, o, fill)
}

// fill puts elements into the sets of a table, by their names.
func fill(conn *nftables.Conn, t *nftables.Table, elements map[string][]nftables.SetElement) error {
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
}

// Forget gives them free. Calling it twice is fine. The last one takes the
// table with it.
func Forget(ctx context.Context, o Owner) error {
	return change(ctx, o, func(conn *nftables.Conn, t *nftables.Table, elements map[string][]nftables.SetElement) error {
		left := 0
		for name, list := range elements {
			n, err := forget(conn, t, name, list)
			if err != nil {
				return err
			}
			left += n
		}
		if left == 0 {
			conn.DelTable(t)
		}
		return conn.Flush()
	})
}

// forget deletes those elements that are there, and counts the others.
func forget(conn *nftables.Conn, t *nftables.Table, name string, list []nftables.SetElement) (int, error) {
	set, err := conn.GetSetByName(t, name)
	if err != nil {
		return 0, err
	}
	there, err := conn.GetSetElements(set)
	if err != nil {
		return 0, err
	}
	var mine []nftables.SetElement
	for _, one := range there {
		for _, element := range list {
			if string(one.Key) == string(element.Key) {
				mine = append(mine, element)
			}
		}
	}
	if len(mine) == 0 {
		return len(there), nil
	}
	return len(there) - len(mine), conn.SetDeleteElements(set, mine)
}

// change makes sure that there is a table and gives it to fn.
func change(ctx context.Context, o Owner, fn func(*nftables.Conn, *nftables.Table, map[string][]nftables.SetElement) error) error {
	elements, err := elementsOf(o)
	if err != nil {
		return err
	}
	return locked(ctx, func() error {
		conn, err := nftables.New()
		if err != nil {
			return fmt.Errorf("change firewall: %w", err)
		}
		t, err := obtain(conn, nftables.TableFamilyIPv4, tableName, build, ownerRules)
		if err == nil {
			err = fn(conn, t, elements)
		}
		if err != nil {
			return fmt.Errorf("change firewall: %w", err)
		}
		return nil
	})
}

// elementsOf gives the elements by set. Keys are words of four bytes: network
// order for what is in packets, the machine's for users.
func elementsOf(o Owner) (map[string][]nftables.SetElement, error) {
	user := binary.NativeEndian.AppendUint32(nil, uint32(o.User))
	elements := map[string][]nftables.SetElement{addressSet: nil, addressOwnerSet: nil, portSet: nil, portOwnerSet: nil}
	if o.Address != "" {
		at, err := netip.ParseAddr(o.Address)
		if err != nil || !at.Is4() {
			return nil, errors.Join(fmt.Errorf("read address %q", o.Address), err)
		}
		elements[addressSet] = []nftables.SetElement{{Key: at.AsSlice()}}
		elements[addressOwnerSet] = []nftables.SetElement{{Key: append(at.AsSlice(), user...)}}
	}
	for _, port := range o.Ports {
		key := binary.BigEndian.AppendUint16(nil, uint16(port))
		padded := append(append([]byte{}, key...), 0, 0)
		elements[portSet] = append(elements[portSet], nftables.SetElement{Key: key})
		elements[portOwnerSet] = append(elements[portOwnerSet], nftables.SetElement{Key: append(padded, user...)})
	}
	return elements, nil
}
