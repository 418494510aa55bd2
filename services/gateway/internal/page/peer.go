package page

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// People have the user numbers that login.defs(5) gives out, or are root, or
// who runs this. Customers' programs have far greater ones.
const (
	firstPerson = 1000
	lastPerson  = 60000
)

// established is a connection's state in /proc/net/tcp.
const established = "01"

// isPerson says whether the other end of a connection within this machine
// belongs to a person. Only Linux says whose it is; elsewhere stamps have no
// users of their own.
func isPerson(peer, here string) bool {
	known := false
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		known = true
		if user, has := ownerOf(string(text), peer, here); has {
			return user == 0 || user == os.Geteuid() || user >= firstPerson && user <= lastPerson
		}
	}
	return !known
}

// ownerOf finds the user of the socket that is bound to peer and connected to
// here, in the text of /proc/net/tcp or tcp6.
func ownerOf(text, peer, here string) (user int, has bool) {
	for line := range strings.Lines(text) {
		column := strings.Fields(line)
		if len(column) < 8 || column[3] != established || !same(column[1], peer) || !same(column[2], here) {
			continue
		}
		user, err := strconv.Atoi(column[7])
		return user, err == nil
	}
	return 0, false
}

// same compares an address as the kernel writes it, in words of four bytes in
// the machine's order, with host:port.
func same(kernels, address string) bool {
	want, err := netip.ParseAddrPort(address)
	words, port, cut := strings.Cut(kernels, ":")
	raw, hexErr := hex.DecodeString(words)
	number, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || !cut || hexErr != nil || portErr != nil || len(raw)%4 != 0 {
		return false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	ip, valid := netip.AddrFromSlice(raw)
	return valid && ip.Unmap() == want.Addr().Unmap() && number == uint64(want.Port())
}
