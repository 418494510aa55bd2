package process

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Listener is a TCP socket that listens.
type Listener struct {
	At   netip.AddrPort
	User int
	// PID and Name are of the process that has it; zero when it is not ours to
	// see.
	PID  int
	Name string

	inode string
}

// Listening gives what keeps another from listening there: the same address,
// or all of them. It asks the kernel, and binds nothing.
func Listening(at netip.AddrPort) ([]Listener, error) {
	var all []Listener
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list listeners: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			if l, ok := parseListener(line); ok && inTheWay(l.At, at) {
				all = append(all, l)
			}
		}
	}
	return all, name(all)
}

func inTheWay(other, at netip.AddrPort) bool {
	a, b := other.Addr(), at.Addr()
	return other.Port() == at.Port() && (a == b || a.IsUnspecified() || b.IsUnspecified())
}

// parseListener reads a line of /proc/net/tcp (man 5 proc): local address,
// state, user and inode are fields 2, 4, 8 and 10.
func parseListener(line string) (Listener, bool) {
	const listening = "0A"
	fields := strings.Fields(line)
	if len(fields) < 10 || fields[3] != listening {
		return Listener{}, false
	}
	addr, port, _ := strings.Cut(fields[1], ":")
	raw, err := hex.DecodeString(addr)
	n, portErr := strconv.ParseUint(port, 16, 16)
	user, userErr := strconv.Atoi(fields[7])
	if errors.Join(err, portErr, userErr) != nil || len(raw)%4 != 0 {
		return Listener{}, false
	}
	for word := range slices.Chunk(raw, 4) { // in the machine's order
		binary.NativeEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
	ip, ok := netip.AddrFromSlice(raw)
	return Listener{At: netip.AddrPortFrom(ip.Unmap(), uint16(n)), User: user, inode: fields[9]}, ok
}

// name finds the processes of the listeners.
func name(all []Listener) error {
	if len(all) == 0 {
		return nil
	}
	_, err := find(func(dir string) bool {
		files, err := os.ReadDir(dir + "/fd")
		if err != nil {
			return false
		}
		for _, f := range files {
			link, err := os.Readlink(dir + "/fd/" + f.Name())
			if err != nil {
				continue
			}
			for i, l := range all {
				if link == "socket:["+l.inode+"]" {
					all[i].PID, _ = strconv.Atoi(filepath.Base(dir)) // find gives numbers only
					text, _ := os.ReadFile(dir + "/comm")            // it may have ended
					all[i].Name = strings.TrimSpace(string(text))
				}
			}
		}
		return false
	})
	return err
}
