package local

import (
	"context"
	"fmt"
	"path/filepath"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// numbersTaken is the reason of a refusal to touch a stamp whose user, address or
// public port is another stamp's by now.
const numbersTaken = "NUMBERS_TAKEN"

// admit says whether a supervisor may be launched for a stamp: its numbers are
// its own, or still free. Otherwise the stamp is barred, for its processes would
// run as another tenant's user. It is unbarred when they are free again.
func (d *Driver) admit(ctx context.Context, s layout.Stamp) error {
	r, err := control.ReadRecord(s)
	if err != nil || r.UID == "" || r.Settings.User == 0 || r.Ending {
		return ignoreGone(err)
	}
	_, has, err := d.host.Find(r.UID)
	if err == nil && !has {
		if _, err = d.changes.Return(ctx, []host.Allocation{d.hadOf(r)}); err == nil {
			_, has, err = d.host.Find(r.UID)
		}
	}
	switch {
	case err != nil:
		return err
	case !has:
		return d.bar(s, d.hadOf(r))
	}
	if _, barred := s.Barred(); barred {
		d.log.InfoContext(ctx, "stamp has its numbers again", "cell", d.cfg.Cell, "dir", string(s))
		return s.Unbar()
	}
	return nil
}

// bar bars a stamp, and gives the refusal.
func (d *Driver) bar(s layout.Stamp, a host.Allocation) error {
	why := fmt.Sprintf("its user %d, address %s or public port is another stamp's by now", a.User, a.Address)
	if _, barred := s.Barred(); !barred {
		d.log.Error("stamp is not touched", "cell", d.cfg.Cell, "dir", string(s), "why", why)
		if err := s.Bar(why); err != nil {
			return err
		}
	}
	return refusal(s, why)
}

func refusal(s layout.Stamp, why string) error {
	return errs.New(errs.FailedPrecondition, numbersTaken, "touch stamp in %s: %s", filepath.Base(string(s)), why)
}

// nothingToEnd says that a stamp is being destroyed of which nothing runs: a
// supervisor would end what runs as its user, and that is another's.
func nothingToEnd(s layout.Stamp) bool {
	_, barred := s.Barred()
	r, err := control.ReadRecord(s)
	return barred && err == nil && r.Ending
}

// refused is the refusal of a stamp that is barred, and still has to be.
func (d *Driver) refused(ctx context.Context, s layout.Stamp) error {
	if _, barred := s.Barred(); !barred {
		return nil
	}
	return d.admit(ctx, s)
}
