package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/services/provisioner/driver/local/lockfile"
)

// Range is numbers from First to Last, both included.
type Range struct {
	First int `yaml:"first"`
	Last  int `yaml:"last"`
}

// Count is how many numbers there are.
func (r Range) Count() int64 { return max(int64(r.Last)-int64(r.First)+1, 0) }

// Config says where the file is, who asks, and what there is to give.
type Config struct {
	Dir      string // of the host
	Instance string // the asking data directory's own id
	DataDir  string
	Users    Range
	// Addresses is a network of loopback addresses; invalid: none are given,
	// and every port of a component is one of Ports.
	Addresses netip.Prefix
	Ports     Range
	// Public is the address on which Ports are taken.
	Public string
}

// File is the host's allocations. Safe for concurrent use by any number of
// processes. What only reads takes no lock: the file is replaced as a whole. What
// changes it is for short-lived processes, see package change.
type File struct{ cfg Config }

// Allocation is what one stamp has been given.
type Allocation struct {
	Tenant string `json:"tenant"`
	UID    string `json:"uid"`
	User   int    `json:"user,omitempty"`
	// Address is its loopback address, empty where there is none.
	Address string `json:"address,omitempty"`
	// Ports are those of the pool, by "component.port".
	Ports map[string]int `json:"ports,omitempty"`
}

// state is the file.
type state struct {
	Version   int                  `json:"version"`
	Instances map[string]*instance `json:"instances"`
	// Next are the indexes at which the next search begins.
	Next struct {
		User, Address, Port int
	} `json:"next"`
}

type instance struct {
	DataDir string                `json:"data_dir"`
	Stamps  map[string]Allocation `json:"stamps"`
	// Gone has the owners by whom stamps were destroyed, so that a call that was
	// made before and arrives after does not bring one back.
	Gone map[string]tombstone `json:"gone,omitempty"`
}

type tombstone struct {
	Token int64 `json:"token"`
	// Recovery is that under which the token counts.
	Recovery string    `json:"recovery,omitempty"`
	Time     time.Time `json:"time"`
}

// stale says whether a stamp was destroyed by a later owner than this. A stamp
// that is gone is not taken over: no recovery begins its tokens anew.
func (i *instance) stale(ref driver.Ref) bool {
	t, gone := i.Gone[ref.UID]
	return gone && ref.Stale(driver.Ref{Token: t.Token, Recovery: t.Recovery})
}

// tombstoneAge is far longer than any call lives.
const tombstoneAge = 7 * 24 * time.Hour

// Open gives the allocations of a directory, which it makes when it is missing.
func Open(cfg Config) (*File, error) {
	err := os.MkdirAll(cfg.Dir, 0o700)
	if err == nil {
		err = lockfile.Own(cfg.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open host file: %w", err)
	}
	return &File{cfg: cfg}, nil
}

// Clear removes what a crash left: files that were being written. Nobody writes
// without the lock.
func (f *File) Clear(ctx context.Context) error {
	return f.locked(ctx, func() error {
		left, err := filepath.Glob(filepath.Join(f.cfg.Dir, layout.PartPattern))
		for _, path := range left {
			err = errors.Join(err, os.Remove(path))
		}
		if err != nil {
			return fmt.Errorf("clear host directory: %w", err)
		}
		return nil
	})
}

// locked runs fn while no other provisioner of the machine changes anything. It
// may be killed meanwhile: see package lockfile.
func (f *File) locked(ctx context.Context, fn func() error) error {
	release, err := lockfile.Take(ctx, filepath.Join(f.cfg.Dir, "lock"))
	if err != nil {
		return fmt.Errorf("lock host file: %w", err)
	}
	defer release()
	return fn()
}

// change reads the file, lets fn change it and this instance's part, and
// writes it.
func (f *File) change(ctx context.Context, fn func(s *state, mine *instance) error) error {
	return f.locked(ctx, func() error {
		s, mine, err := f.read()
		if err != nil {
			return err
		}
		if err := fn(s, mine); err != nil {
			return err
		}
		maps.DeleteFunc(mine.Gone, func(_ string, t tombstone) bool { return time.Since(t.Time) > tombstoneAge })
		if len(mine.Stamps) == 0 && len(mine.Gone) == 0 {
			delete(s.Instances, f.cfg.Instance)
		}
		text, err := json.MarshalIndent(s, "", " ")
		if err != nil {
			return fmt.Errorf("encode host file: %w", err)
		}
		return layout.WriteDurable(f.path(), text, 0o600)
	})
}

func (f *File) path() string { return filepath.Join(f.cfg.Dir, "allocations.json") }

func (f *File) read() (*state, *instance, error) {
	s := &state{Version: 1}
	text, err := os.ReadFile(f.path())
	if err == nil {
		err = json.Unmarshal(text, s)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read host file: %w", err)
	}
	if s.Version != 1 {
		return nil, nil, fmt.Errorf("read host file: version %d is not known to this program", s.Version)
	}
	if err := s.sound(); err != nil {
		return nil, nil, fmt.Errorf("read host file: %s %w; put back the last good one", f.path(), err)
	}
	if s.Instances == nil {
		s.Instances = map[string]*instance{}
	}
	mine := s.Instances[f.cfg.Instance]
	if mine == nil {
		mine = &instance{}
		s.Instances[f.cfg.Instance] = mine
	}
	mine.DataDir = f.cfg.DataDir
	if mine.Stamps == nil {
		mine.Stamps = map[string]Allocation{}
	}
	if mine.Gone == nil {
		mine.Gone = map[string]tombstone{}
	}
	return s, mine, nil
}

// sound refuses what no release has ever written.
func (s *state) sound() error {
	if min(s.Next.User, s.Next.Address, s.Next.Port) < 0 {
		return errors.New("begins a search before the first number")
	}
	for id, i := range s.Instances {
		if i == nil {
			return fmt.Errorf("says nothing of instance %q", id)
		}
	}
	return nil
}

// Find gives a stamp's allocation; false when it has none.
func (f *File) Find(uid string) (Allocation, bool, error) {
	_, mine, err := f.read()
	if err != nil {
		return Allocation{}, false, err
	}
	a, found := mine.Stamps[uid]
	return a, found, nil
}

// All gives the allocations of this instance.
func (f *File) All() ([]Allocation, error) {
	_, mine, err := f.read()
	if err != nil {
		return nil, err
	}
	return slices.Collect(maps.Values(mine.Stamps)), nil
}

// Elsewhere counts what other instances have taken of the machine.
func (f *File) Elsewhere() (users, addresses, ports int64, err error) {
	s, _, err := f.read()
	if err != nil {
		return 0, 0, 0, err
	}
	for id, other := range s.Instances {
		if id == f.cfg.Instance {
			continue
		}
		for _, a := range other.Stamps {
			users, addresses, ports = users+1, addresses+1, ports+int64(len(a.Ports))
		}
	}
	return users, addresses, ports, nil
}

// Stale says whether a stamp was destroyed by a later owner than this.
func (f *File) Stale(ref driver.Ref) (bool, error) {
	_, mine, err := f.read()
	return err == nil && mine.stale(ref), err
}

// While runs fn if the stamp still has that user and that address, which nobody
// else is given meanwhile. That it has not is fine: who released them has made
// sure that nothing is left.
func (f *File) While(ctx context.Context, a Allocation, fn func() error) error {
	return f.locked(ctx, func() error {
		_, mine, err := f.read()
		if err != nil {
			return err
		}
		if now := mine.Stamps[a.UID]; now.User != a.User || now.Address != a.Address {
			return nil
		}
		return fn()
	})
}

// Release gives a stamp's numbers back, when before, which is told what it had,
// is fine. The caller has made sure that no process and no file of it is left.
func (f *File) Release(ctx context.Context, ref driver.Ref, before func(Allocation) error) error {
	return f.change(ctx, func(_ *state, mine *instance) error {
		if a, has := mine.Stamps[ref.UID]; has {
			if err := before(a); err != nil {
				return err
			}
		}
		delete(mine.Stamps, ref.UID)
		t := tombstone{Token: ref.Token, Recovery: ref.Recovery, Time: time.Now().UTC()}
		if before := mine.Gone[ref.UID]; before.Recovery == t.Recovery {
			t.Token = max(t.Token, before.Token)
		}
		mine.Gone[ref.UID] = t
		return nil
	})
}
