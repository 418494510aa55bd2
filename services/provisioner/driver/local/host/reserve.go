package host

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/process"
)

// Claim is what one stamp asks for.
type Claim struct {
	driver.Ref
	// User asks for a user number of its own.
	User bool
	// Ports are those of its components, by "component.port".
	Ports map[string]int
	// Endpoint is the one that gets a public port, or empty.
	Endpoint string
}

// Reserve gives the stamp what it asks for and does not have yet.
func (f *File) Reserve(ctx context.Context, c Claim) (Allocation, error) {
	var given Allocation
	err := f.change(ctx, func(s *state, mine *instance) error {
		if mine.stale(c.Ref) {
			return driver.ErrStaleToken
		}
		for uid, a := range mine.Stamps {
			if a.Tenant == c.Tenant && uid != c.UID {
				return errs.New(errs.Conflict, "STAMP_EXISTS", "reserve stamp of %q: another tenant of that id has one", c.Tenant)
			}
		}
		given = mine.Stamps[c.UID]
		given.Tenant, given.UID = c.Tenant, c.UID
		given.Ports = maps.Clone(given.Ports)
		if err := f.fill(s, c, &given); err != nil {
			return err
		}
		mine.Stamps[c.UID] = given
		return nil
	})
	return given, err
}

func (f *File) fill(s *state, c Claim, a *Allocation) error {
	var err error
	if c.User && a.User == 0 {
		if a.User, err = f.user(s); err != nil {
			return err
		}
	}
	if f.cfg.Addresses.IsValid() && a.Address == "" {
		if a.Address, err = f.address(s, slices.Collect(maps.Values(c.Ports))); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Ports)) {
		pooled := name == c.Endpoint || a.Address == ""
		if !pooled || a.Ports[name] != 0 {
			continue
		}
		if a.Ports == nil {
			a.Ports = map[string]int{}
		}
		if a.Ports[name], err = f.port(s, a.Ports); err != nil {
			return err
		}
	}
	return nil
}

// user finds a number that no stamp and no process has.
func (f *File) user(s *state) (int, error) {
	taken := map[int]bool{}
	s.each(func(a Allocation) { taken[a.User] = true })
	n, ok := next(&s.Next.User, f.cfg.Users.Count(), func(i int) bool {
		user := f.cfg.Users.First + i
		if taken[user] {
			return false
		}
		running, err := process.OfUser(user)
		return err == nil && len(running) == 0
	})
	if !ok {
		return 0, exhausted("users", f.cfg.Users.Count())
	}
	return f.cfg.Users.First + n, nil
}

// address finds one that no stamp has, and on which the ports can be taken.
func (f *File) address(s *state, ports []int) (string, error) {
	taken := map[string]bool{}
	s.each(func(a Allocation) { taken[a.Address] = true })
	count := f.Addresses()
	n, ok := next(&s.Next.Address, count, func(i int) bool {
		at := f.nth(i).String()
		if taken[at] {
			return false
		}
		for _, port := range ports {
			if !bindable(at, port) {
				return false
			}
		}
		return true
	})
	if !ok {
		return "", exhausted("addresses", count)
	}
	return f.nth(n).String(), nil
}

func (f *File) port(s *state, mine map[string]int) (int, error) {
	taken := map[int]bool{}
	s.each(func(a Allocation) {
		for _, p := range a.Ports {
			taken[p] = true
		}
	})
	for _, p := range mine {
		taken[p] = true
	}
	n, ok := next(&s.Next.Port, f.cfg.Ports.Count(), func(i int) bool {
		port := f.cfg.Ports.First + i
		return !taken[port] && bindable(f.cfg.Public, port)
	})
	if !ok {
		return 0, exhausted("ports", f.cfg.Ports.Count())
	}
	return f.cfg.Ports.First + n, nil
}

// Addresses is how many addresses there are to give: not the network's first
// and last.
func (f *File) Addresses() int64 {
	if !f.cfg.Addresses.IsValid() {
		return 0
	}
	return max(int64(1)<<(32-f.cfg.Addresses.Bits())-2, 0)
}

func (f *File) nth(i int) netip.Addr {
	base := f.cfg.Addresses.Masked().Addr().As4()
	var at [4]byte
	binary.BigEndian.PutUint32(at[:], binary.BigEndian.Uint32(base[:])+uint32(i)+1)
	return netip.AddrFrom4(at)
}

// next searches all of count once, from where the last search ended.
func next(from *int, count int64, free func(i int) bool) (int, bool) {
	for step := range count {
		i := int((int64(*from) + step) % count)
		if free(i) {
			*from = i + 1
			return i, true
		}
	}
	return 0, false
}

func bindable(host string, port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func exhausted(resource string, count int64) error {
	return errs.New(errs.ResourceExhausted, "CAPACITY_EXHAUSTED", "reserve %s: all %d are taken", resource, count).With("resource", resource)
}

func (s *state) each(fn func(Allocation)) {
	for _, i := range s.Instances {
		for _, a := range i.Stamps {
			fn(a)
		}
	}
}

// Orphan is an allocation of an instance whose data directory is gone.
type Orphan struct {
	Instance string
	Allocation
}

// Collect forgets the allocations of instances whose data directory is gone.
// Free is asked first, and says whether nothing of the stamp is left.
func (f *File) Collect(ctx context.Context, free func(Orphan) bool) error {
	return f.change(ctx, func(s *state, _ *instance) error {
		for id, other := range s.Instances {
			if id == f.cfg.Instance || !gone(id, other.DataDir) {
				continue
			}
			for uid, a := range other.Stamps {
				if free(Orphan{Instance: id, Allocation: a}) {
					delete(other.Stamps, uid)
				}
			}
			if len(other.Stamps) == 0 {
				delete(s.Instances, id)
			}
		}
		return nil
	})
}

// Return gives stamps what their own records say that they have, when the file
// has nothing of them: the disk of their data directory was away, and another
// instance took them for orphans. Taken are those whose numbers somebody else
// has by now.
func (f *File) Return(ctx context.Context, had []Allocation) (taken []Allocation, err error) {
	err = f.change(ctx, func(s *state, mine *instance) error {
		for _, a := range had {
			if _, has := mine.Stamps[a.UID]; has || mine.Gone[a.UID].Token != 0 {
				continue
			}
			clash := false
			s.each(func(b Allocation) {
				clash = clash || a.shares(b) || a.Tenant == b.Tenant && mine.Stamps[b.UID].UID == b.UID
			})
			if clash {
				taken = append(taken, a)
				continue
			}
			mine.Stamps[a.UID] = a
		}
		return nil
	})
	return taken, err
}

// shares says whether two stamps have a number in common.
func (a Allocation) shares(b Allocation) bool {
	if a.User == b.User && a.User != 0 || a.Address == b.Address && a.Address != "" {
		return true
	}
	theirs := slices.Collect(maps.Values(b.Ports))
	for _, port := range a.Ports {
		if slices.Contains(theirs, port) {
			return true
		}
	}
	return false
}

// InstanceFile is the file of a data directory that holds its instance's id.
const InstanceFile = "instance"

func gone(id, dataDir string) bool {
	text, err := os.ReadFile(filepath.Join(dataDir, InstanceFile))
	if os.IsNotExist(err) {
		return true
	}
	return err == nil && string(text) != id
}

// String names an orphan for people.
func (o Orphan) String() string {
	return fmt.Sprintf("stamp %s of instance %s", o.Tenant, o.Instance)
}
