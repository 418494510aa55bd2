// Package control is what the driver and a stamp's supervisor say to each
// other: the record on disk, the protocol of the socket, and the state that
// the supervisor leaves beside each component. Standard library only.
//
// The protocol is one JSON object a line, request and response in turn, over
// the Unix socket run/sock of the stamp. Both carry a version; fields are only
// ever added.
package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"time"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/cgroup"
	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/services/provisioner/driver/local/process"
)

// Version of the record and the protocol.
const Version = 1

// Record is the stamp's manifest on disk: the supervisor's one input, and
// what a stamp can be recovered from when all else is lost.
type Record struct {
	Version int    `json:"version"`
	Tenant  string `json:"tenant"`
	UID     string `json:"uid"`
	// Token is the highest fencing token seen.
	Token int64 `json:"token"`
	// Ending stamps are being destroyed: nothing is started any more.
	Ending   bool     `json:"ending,omitempty"`
	Settings Settings `json:"settings"`
	// Wish is the last whole manifest that was given.
	Wish driver.Manifest `json:"wish"`
	// Applied are the components as each was last ensured.
	Applied map[string]Applied `json:"applied"`
	// Begun has the components that were ever wished to run: what their
	// volumes hold may be a customer's. A record older than this has none, and
	// then all that were applied count.
	Begun map[string]bool `json:"begun"`
	// Recovery is the last one under which the stamp was taken over, and the one
	// under which Token counts. Past are those before it: they are over.
	Recovery string   `json:"recovery,omitempty"`
	Past     []string `json:"past_recoveries,omitempty"`
	// Sum is of all the others, so that a change by hand is seen. A record of an
	// older program has none.
	Sum string `json:"sum,omitempty"`
}

// Settings are the means of isolation that the stamp has.
type Settings struct {
	// User is the stamp's own user and group; zero: the supervisor's.
	User int `json:"user,omitempty"`
	// Mask is the directory that a process of the stamp sees empty, but for
	// the stamp's own directory and its own artifact of those in Artifacts. Tmp
	// is where it sees its own temporary directory. Only with an own user.
	Mask      string      `json:"mask,omitempty"`
	Tmp       string      `json:"tmp,omitempty"`
	Artifacts string      `json:"artifacts,omitempty"`
	Groups    cgroup.Tree `json:"groups"`
}

// Applied is one component and where its program is.
type Applied struct {
	driver.Component
	// Digest is [driver.Manifest.Digest] of it.
	Digest string `json:"digest"`
	// ProgramDir is where the first word of its command is looked up.
	ProgramDir string `json:"program_dir"`
	// Sum is of all the others but Stopped, so that a change by hand is seen.
	Sum string `json:"sum,omitempty"`
}

// State is what the supervisor last did with one component.
type State struct {
	Digest   string    `json:"digest"`
	Stopped  bool      `json:"stopped"`
	Replicas []Replica `json:"replicas"`
}

// Replica is one process of a component.
type Replica struct {
	// Nonce is written before the process is started; Process after.
	Nonce    string           `json:"nonce"`
	Process  process.Identity `json:"process"`
	Started  time.Time        `json:"started"`
	Restarts int              `json:"restarts"`
	LastExit string           `json:"last_exit,omitempty"`
}

// JobRecord is a job's file. Without a result it has not ended.
type JobRecord struct {
	Nonce   string            `json:"nonce"`
	Process process.Identity  `json:"process"`
	Result  *driver.JobResult `json:"result,omitempty"`
}

// ErrDamaged says that a file is there and cannot be understood.
var ErrDamaged = errors.New("damaged")

// ReadRecord gives fs.ErrNotExist when there is no stamp.
func ReadRecord(s layout.Stamp) (Record, error) {
	var r Record
	if err := readJSON(s.Manifest(), &r); err != nil {
		return Record{}, err
	}
	if r.Version > Version {
		return Record{}, fmt.Errorf("read manifest %s: version %d is newer than this program", s.Manifest(), r.Version)
	}
	return r, nil
}

// Stale refuses who does not own the stamp any more: nil, or a failure that is
// [driver.ErrStaleToken].
func (r Record) Stale(recovery string, token int64) error {
	var why string
	switch {
	case recovery != r.Recovery:
		why = fmt.Sprintf("token %d is of recovery %q, and the stamp was taken over for %q", token, recovery, r.Recovery)
	case token < r.Token:
		why = fmt.Sprintf("token %d is older than %d", token, r.Token)
	default:
		return nil
	}
	return &Failure{Code: CodeStale, Message: why}
}

// Ran says whether a component was ever wished to run.
func (r Record) Ran(component string) bool {
	if r.Begun != nil {
		return r.Begun[component]
	}
	_, applied := r.Applied[component]
	return applied
}

// Apply notes what a component is wished to be, and that it was wished to run.
// The maps of r are changed.
func (r *Record) Apply(component string, a Applied) {
	if r.Begun == nil {
		r.Begun = map[string]bool{}
		for name := range r.Applied {
			r.Begun[name] = true
		}
	}
	r.Applied[component] = a
	if !a.Stopped {
		r.Begun[component] = true
	}
}

// Knows says whether a wish is of the generation that the record has, and says
// nothing new of how to make the tenant again.
func (r Record) Knows(wish driver.Manifest) bool {
	return r.Wish.Generation == wish.Generation && (wish.Recovery == nil || reflect.DeepEqual(r.Wish.Recovery, wish.Recovery))
}

// Replace takes a newer wish. One that says nothing of how to make the tenant
// again leaves what is known.
func (r *Record) Replace(wish driver.Manifest) {
	if wish.Recovery == nil {
		wish.Recovery = r.Wish.Recovery
	}
	r.Wish = wish
}

// Write replaces the record. Only who holds the stamp's lock may.
func (r Record) Write(s layout.Stamp) error {
	text, err := r.encode()
	if err != nil {
		return err
	}
	return layout.WriteDurable(s.Manifest(), text, 0o600)
}

// Create writes the first record of a stamp; fs.ErrExist when it has one.
func (r Record) Create(s layout.Stamp) error {
	text, err := r.encode()
	if err != nil {
		return err
	}
	return layout.CreateDurable(s.Manifest(), text, 0o600)
}

// WriteAgain puts right a file that is not there any more, or not as it was
// written.
func (s State) WriteAgain(c layout.Component) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	if kept, err := os.ReadFile(c.State()); err == nil && bytes.Equal(kept, text) {
		return nil
	}
	return layout.WriteFile(c.State(), text, 0o600, 0)
}

// ReadState gives the zero State when nothing was ever started.
func ReadState(c layout.Component) (State, error) {
	var state State
	err := readJSON(c.State(), &state)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	return state, nil
}

// Write replaces the state.
func (s State) Write(c layout.Component) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	return layout.WriteFile(c.State(), text, 0o600, 0)
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("decode %s: %w: %w", path, ErrDamaged, err)
	}
	return nil
}
