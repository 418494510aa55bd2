package memory

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"io"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

var _ driver.Importer = (*Driver)(nil)

// ImportBackup keeps the files of a tar.
func (d *Driver) ImportBackup(ctx context.Context, of driver.BackupRef, note json.RawMessage, from io.Reader) (driver.Kept, error) {
	if err := d.begin(ctx, Call{Verb: "ImportBackup", Ref: driver.Ref{Tenant: of.Tenant, UID: of.UID}, Backup: of.ID}); err != nil {
		return driver.Kept{}, err
	}
	files := map[string]string{}
	end := &driver.TarEnd{From: from}
	for in := tar.NewReader(end); ; {
		head, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var text []byte
		if err == nil {
			text, err = io.ReadAll(in)
		}
		if err != nil {
			return driver.Kept{}, errs.New(errs.InvalidArgument, "IMPORT_REFUSED", "%w: %w", driver.ErrNoTar, err)
		}
		if head.Typeflag == tar.TypeReg {
			files[head.Name] = string(text)
		}
	}
	if end.Seen { // before the two empty blocks that a whole tar ends with
		return driver.Kept{}, errs.New(errs.InvalidArgument, "IMPORT_REFUSED", "%w: it has no end, so it was cut off", driver.ErrNoTar)
	}
	if _, err := io.Copy(io.Discard, from); err != nil {
		return driver.Kept{}, err
	}
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	kept := sumUp(files)
	d.cell.kept[keyOf(of)] = backup{Kept: kept, files: files, note: note}
	return kept, nil
}
