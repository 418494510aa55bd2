package memory

import (
	"context"
	"time"

	"stampworks.dev/services/provisioner/driver"
)

// Watched is a driver that tells by itself, at once, of what the functions
// below, and Kill, have done; a Driver waits to be looked at.
type Watched struct{ *Driver }

var _ driver.Watcher = Watched{}

// Change makes a component run another definition, as a person could who gets
// at the cell. False when it does not run.
func (d *Driver) Change(uid, name string) bool {
	return d.alter(uid, name, func(_ *stamp, c *component) {
		d.cell.pid++
		c.Digest, c.PIDs, c.Started = "by hand", []int{d.cell.pid}, time.Now()
	})
}

// ChangeFile edits a file that was written for a component. False when it does
// not run.
func (d *Driver) ChangeFile(uid, name, file string) bool {
	return d.alter(uid, name, func(_ *stamp, c *component) { c.ChangedFiles = []string{file} })
}

// Lose removes a volume of a component with all its data; an empty name removes
// what Reserve makes again. False when the component does not run.
func (d *Driver) Lose(uid, name, volume string) bool {
	return d.alter(uid, name, func(s *stamp, _ *component) {
		if volume == "" {
			s.missing = []string{"backup"}
			return
		}
		s.lost = append(s.lost, name+"."+volume)
	})
}

// Find puts back all volumes that were lost.
func (d *Driver) Find(uid string) {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	if s := d.cell.stamps[uid]; s != nil {
		s.lost = nil
		d.cell.tell(s)
	}
}

// Revive ends a component as kill -9 would, and starts it again at once, as a
// supervisor does. False when it does not run.
func (d *Driver) Revive(uid, name string) bool {
	return d.alter(uid, name, func(_ *stamp, c *component) {
		digest := c.Digest
		c.end("signal: killed")
		c.Restarts++
		d.cell.pid++
		c.start(d.cell.pid, digest)
	})
}

// Bar has the cell touch nothing of a stamp any more, as one whose user is another
// stamp's by now; what runs ends. An empty reason takes it back.
func (d *Driver) Bar(uid, why string) {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	s := d.cell.stamps[uid]
	if s == nil {
		return
	}
	if s.barred = why; why != "" {
		for _, c := range s.components {
			if c.Running {
				c.end("stopped")
			}
		}
	}
	d.cell.tell(s)
}

// Pin keeps something of a stamp from being destroyed, as a busy mount does:
// Destroy ends what runs, then names what is left. An empty name lets it go.
func (d *Driver) Pin(uid, what string) {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	if s := d.cell.stamps[uid]; s != nil {
		s.pinned = what
	}
}

// Vanish removes all of a stamp behind everybody's back.
func (d *Driver) Vanish(uid string) {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	if s := d.cell.stamps[uid]; s != nil {
		delete(d.cell.stamps, uid)
		d.cell.tell(s)
	}
}

func (d *Driver) alter(uid, name string, how func(*stamp, *component)) bool {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	s := d.cell.stamps[uid]
	if s == nil || s.components[name] == nil || !s.components[name].Running {
		return false
	}
	how(s, s.components[name])
	return d.cell.tell(s)
}

// Watch tells until ctx ends.
func (d Watched) Watch(ctx context.Context, changed func(tenant string)) error {
	d.cell.mu.Lock()
	n := d.cell.watch
	d.cell.watch++
	if d.cell.told == nil {
		d.cell.told = map[int]func(string){}
	}
	d.cell.told[n] = changed
	d.cell.mu.Unlock()
	<-ctx.Done()
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	delete(d.cell.told, n)
	return nil
}

// tell tells those who watch; the caller holds mu. It is true.
func (c *cell) tell(s *stamp) bool {
	for _, changed := range c.told {
		changed(s.ref.Tenant)
	}
	return true
}
