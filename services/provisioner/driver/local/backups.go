package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/services/provisioner/driver/local/repository"
)

// ClearBackup puts an empty directory in the place of the backup directory.
// Calling twice is fine.
func (d *Driver) ClearBackup(ctx context.Context, ref driver.Ref) error {
	return d.replaceBackup(ctx, ref, func(string, int) error { return nil })
}

// FetchBackup puts a copy of a kept backup in the place of the backup
// directory, once it is seen to be what was kept. Calling twice is fine.
func (d *Driver) FetchBackup(ctx context.Context, ref driver.Ref, from driver.BackupRef) error {
	if err := from.Check(); err != nil {
		return errs.New(errs.InvalidArgument, "NAME_INVALID", "%w", err)
	}
	return d.replaceBackup(ctx, ref, func(into string, user int) error {
		return d.backups.Fetch(ctx, from, into, user)
	})
}

// CheckBackup reads a kept backup, and sees whether it is what was kept.
func (d *Driver) CheckBackup(ctx context.Context, of driver.BackupRef) error {
	if err := of.Check(); err != nil {
		return errs.New(errs.InvalidArgument, "NAME_INVALID", "%w", err)
	}
	return d.backups.Check(ctx, of)
}

// KeepBackup copies the backup directory into the repository. Calling twice is
// fine.
func (d *Driver) KeepBackup(ctx context.Context, ref driver.Ref, id string, note json.RawMessage) (driver.Kept, error) {
	of := driver.BackupRef{Tenant: ref.Tenant, UID: ref.UID, ID: id}
	if err := of.Check(); err != nil {
		return driver.Kept{}, errs.New(errs.InvalidArgument, "NAME_INVALID", "%w", err)
	}
	h, err := d.hold(ctx, ref)
	if err != nil {
		return driver.Kept{}, err
	}
	defer h.free()
	user := h.user
	if user == 0 {
		user = os.Geteuid()
	}
	return d.backups.Keep(ctx, of, repository.Source{Dir: h.stamp.Backup(), User: user, Token: ref.Token, Note: note, Current: h.current})
}

// ImportBackup keeps the files of a tar.
func (d *Driver) ImportBackup(ctx context.Context, of driver.BackupRef, note json.RawMessage, files io.Reader) (driver.Kept, error) {
	if err := of.Check(); err != nil {
		return driver.Kept{}, errs.New(errs.InvalidArgument, "NAME_INVALID", "%w", err)
	}
	return d.backups.Import(ctx, of, note, files)
}

// DropBackup removes a kept backup. Calling twice is fine.
func (d *Driver) DropBackup(ctx context.Context, of driver.BackupRef) error {
	if err := of.Check(); err != nil {
		return errs.New(errs.InvalidArgument, "NAME_INVALID", "%w", err)
	}
	return d.backups.Drop(ctx, of)
}

// held is a stamp whose backup directory one call uses.
type held struct {
	stamp   layout.Stamp
	user    int // the stamp's own, or zero
	free    func()
	current func() error // that the token still is the highest
}

// hold lets the supervisor take the token up, and refuse a stale one.
func (d *Driver) hold(ctx context.Context, ref driver.Ref) (held, error) {
	if err := d.mustBeReserved(ref); err != nil {
		return held{}, err
	}
	if _, err := d.ask(ctx, ref, control.Request{Op: control.OpReserve}); err != nil {
		return held{}, err
	}
	s := d.stamp(ref)
	record, err := control.ReadRecord(s)
	if err != nil {
		return held{}, err
	}
	free, err := d.backing.Lock(ctx, ref.UID)
	if err != nil {
		return held{}, err
	}
	return held{stamp: s, user: record.Settings.User, free: free, current: func() error { return current(s, ref) }}, nil
}

// current looks again, just before an effect: this process may have been
// paused since it was let in.
func current(s layout.Stamp, ref driver.Ref) error {
	r, err := control.ReadRecord(s)
	switch {
	case err != nil:
		return err
	case r.UID != ref.UID || r.Ending:
		return errs.New(errs.FailedPrecondition, control.CodeEnding, "use backups of %q: the stamp is being destroyed", ref.Tenant)
	case r.Stale(ref.Recovery, ref.Token) != nil:
		return fmt.Errorf("use backups of %q: %w", ref.Tenant, driver.ErrStaleToken)
	}
	return nil
}

// copyOwner is to whom copies are given.
func copyOwner(user int) int {
	if user == 0 {
		return repository.KeepOwner
	}
	return user
}

// replace is exchange in two steps. A crash between them leaves no backup
// directory, and the next call makes one.
func replace(from, to string) error {
	if _, err := os.Lstat(from); err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// replaceBackup makes a directory where the stamp cannot reach it, lets it be
// filled, and puts it into the place of the backup directory at once. Nothing
// is ever written by a path in which the stamp can put something.
func (d *Driver) replaceBackup(ctx context.Context, ref driver.Ref, fill func(into string, user int) error) error {
	h, err := d.hold(ctx, ref)
	if err != nil {
		return err
	}
	defer h.free()
	part, err := repository.MakePart(string(h.stamp), ref.Token)
	if err != nil {
		return err
	}
	err = h.current()
	if err == nil {
		err = fill(part, copyOwner(h.user))
	}
	if err == nil && h.user != 0 {
		err = os.Lchown(part, h.user, h.user)
	}
	if err == nil {
		err = h.current()
	}
	if err == nil {
		err = exchange(part, h.stamp.Backup())
	}
	if overtaken := h.current(); err != nil && overtaken != nil {
		err = overtaken
	}
	// Now it is what was there before.
	if err = errors.Join(err, os.RemoveAll(part)); err != nil {
		return fmt.Errorf("replace backup directory of %q: %w", ref.Tenant, err)
	}
	return nil
}
