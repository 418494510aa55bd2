// Package memory is a driver whose cell is a map: nothing runs. It is for
// tests of the engine and for measuring it with thousands of tenants.
//
// It keeps the whole contract (driver/drivertest passes), and tests can break
// it: [Config.Fault] makes calls fail, [Driver.Kill] ends a component,
// [Driver.Change], [Driver.ChangeFile] and [Driver.Lose] do what a person could
// do by hand, [Driver.Damage] spoils a backup, [Driver.Pin] stops a Destroy half-way, and [Driver.Reopen] is the driver that the
// next process would open on the cell.
//
// Components have no data but what a test puts on a [Disk]. That data comes
// back from a backup is proved so:
//
//	disk := &memory.Disk{}
//	d := memory.New(memory.Config{Disk: disk, Job: disk.Job})
//	// backup: tool copy ${volumes.data} ${backup}
//	// restore: tool copy ${backup} ${volumes.data}
//	disk.Put(site.Volumes["db.data"]+"/tickets", "1 open")
//	// … back up, change, restore …
//	text, _ := disk.Get(site.Volumes["db.data"] + "/tickets")
package memory

import (
	"context"
	"maps"
	"sync"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// Call is one call of a verb, as [Config.Fault] sees it.
type Call struct {
	// Verb is "Reserve", "Ensure", "Observe", "Stop", "Destroy", "RunJob", "EndJobs", "Attach", "Capacity",
	// "Adopt", "ClearBackup", "KeepBackup", "FetchBackup", "CheckBackup", "DropBackup", "ImportBackup"
	Verb      string
	Ref       driver.Ref
	Component string // of Ensure, Stop and RunJob
	Job       string // of RunJob
	Backup    string // its id, of KeepBackup, FetchBackup, CheckBackup and DropBackup
}

// Config shapes the cell. The zero value is a large, faultless one.
type Config struct {
	// Allocatable overrides what Capacity says, by resource.
	Allocatable map[string]int64
	// Fault, when set, is asked before every effect; its error is returned and
	// nothing is done. It may block, and must be safe for concurrent use.
	Fault func(ctx context.Context, c Call) error
	// Job, when set, carries out a job; otherwise every job exits 0 at once. Its
	// context ends with the job's time or with EndJobs: not with the caller's, but
	// for unrecorded ones.
	Job func(ctx context.Context, ref driver.Ref, m driver.Manifest, job driver.Job) (driver.JobResult, error)
	// Attach, when set, carries out a command that is joined to a session.
	Attach func(ctx context.Context, ref driver.Ref, m driver.Manifest, job driver.Job, s driver.Session) (driver.JobResult, error)
	// Lines, when set, gives what a component prints when it starts.
	Lines func(c driver.Component) []string
	// Disk has the stamps' files; nil is one of its own.
	Disk *Disk
	// FirstPort of the endpoints; default 20000.
	FirstPort int
}

// Driver is the in-memory driver. Safe for concurrent use.
type Driver struct {
	cfg  Config
	cell *cell
}

// cell is what outlives a driver.
type cell struct {
	mu     sync.Mutex
	stamps map[string]*stamp     // by tenant UID
	names  map[string]string     // the UID of the last stamp of a tenant's id
	gone   map[string]driver.Ref // the owners by whom stamps were destroyed
	kept   map[string]backup
	calls  map[string]int
	next   int
	pid    int
	told   map[int]func(tenant string) // of Watch
	watch  int
}

type stamp struct {
	ref        driver.Ref
	site       driver.Site
	components map[string]*component
	jobs       map[string]driver.JobResult
	running    map[string]*work
	lost       []string
	missing    []string
	barred     string // why it is not touched
	pinned     string // cannot be destroyed
	ending     bool   // a destruction has begun
	wish       driver.Manifest
	ran        map[string]bool // components that were ever wished to run
	past       []string        // recoveries that are over
}

type component struct {
	driver.ComponentObservation
	log []string
}

var _ driver.Driver = (*Driver)(nil)

// New makes an empty cell and its driver.
func New(cfg Config) *Driver {
	if cfg.Disk == nil {
		cfg.Disk = &Disk{}
	}
	return &Driver{cfg: cfg, cell: &cell{
		stamps: map[string]*stamp{}, names: map[string]string{}, gone: map[string]driver.Ref{}, kept: map[string]backup{}, calls: map[string]int{}, pid: 1000,
	}}
}

// Reopen gives another driver of the same cell, as after a crash.
func (d *Driver) Reopen() *Driver { return &Driver{cfg: d.cfg, cell: d.cell} }

// Calls counts the calls so far, by verb.
func (d *Driver) Calls() map[string]int {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	return maps.Clone(d.cell.calls)
}

// Tenants lists the ids of the stamps that the cell has.
func (d *Driver) Tenants() []string {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	var ids []string
	for _, s := range d.cell.stamps {
		ids = append(ids, s.ref.Tenant)
	}
	return ids
}

// Kill ends a component as kill -9 would, and nothing restarts it. False when
// it did not run.
func (d *Driver) Kill(uid, name string) bool {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	s := d.cell.stamps[uid]
	if s == nil || s.components[name] == nil || !s.components[name].Running {
		return false
	}
	s.components[name].end("signal: killed")
	return d.cell.tell(s)
}

// begin counts the call and asks for a fault.
func (d *Driver) begin(ctx context.Context, c Call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.Ref.Check(); c.Verb != "Capacity" && err != nil {
		return errs.New(errs.InvalidArgument, "NAME_INVALID", "%w", err)
	}
	d.cell.mu.Lock()
	d.cell.calls[c.Verb]++
	d.cell.mu.Unlock()
	if d.cfg.Fault != nil {
		return d.cfg.Fault(ctx, c)
	}
	return nil
}

// claim finds the stamp and raises its token, unless it is being destroyed; the
// caller holds mu.
func (c *cell) claim(ref driver.Ref) (*stamp, error) {
	s, err := c.find(ref)
	if err == nil && s.barred != "" {
		return nil, errs.New(errs.FailedPrecondition, "NUMBERS_TAKEN", "find stamp of %q: %s", ref.Tenant, s.barred)
	}
	if err == nil && s.ending {
		return nil, errs.New(errs.FailedPrecondition, "STAMP_ENDING", "find stamp of %q: it is being destroyed", ref.Tenant)
	}
	return s, err
}

// find is claim of whatever state.
func (c *cell) find(ref driver.Ref) (*stamp, error) {
	s := c.stamps[ref.UID]
	if s == nil {
		if last, gone := c.gone[ref.UID]; gone && ref.Stale(last) {
			return nil, driver.ErrStaleToken
		}
		return nil, errs.New(errs.FailedPrecondition, "SITE_NOT_RESERVED", "find stamp of %q: nothing is reserved for it", ref.Tenant)
	}
	if ref.Stale(s.ref) {
		return nil, driver.ErrStaleToken
	}
	s.ref.Token = ref.Token
	return s, nil
}

func (c *component) end(how string) {
	c.Running, c.PIDs, c.LastExit = false, nil, how
	c.LastLines = last(c.log, 20)
}

func (c *component) start(pid int, digest string) {
	c.Running, c.PIDs, c.Digest, c.Started = true, []int{pid}, digest, time.Now()
	c.LastLines, c.ChangedFiles, c.Missing = nil, nil, nil
}

func last(lines []string, n int) []string {
	if n > 0 && len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return lines
}
