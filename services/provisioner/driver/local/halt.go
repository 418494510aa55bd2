package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// Halt stops every stamp below a data directory, and its supervisor, and keeps
// all data: what `stamp dev` does at its end. It needs no control plane. The
// stamps run again when a driver is told to ensure them. It says how many were
// halted.
func Halt(ctx context.Context, dataDir string) (int, error) {
	manifests, err := filepath.Glob(filepath.Join(dataDir, "stamps", "*", "manifest.json"))
	if err != nil {
		return 0, fmt.Errorf("list stamps: %w", err)
	}
	var all errgroup.Group
	for _, m := range manifests {
		all.Go(func() error { return halt(ctx, layout.Stamp(filepath.Dir(m))) })
	}
	return len(manifests), all.Wait()
}

// halt stops one stamp under the token that was last seen, so it is the last
// owner's own wish for as long as nobody newer comes.
func halt(ctx context.Context, s layout.Stamp) error {
	record, err := control.ReadRecord(s)
	if err != nil {
		return ignoreGone(err)
	}
	var parts errgroup.Group
	for name := range record.Applied {
		parts.Go(func() error {
			_, err := control.Call(ctx, s, control.Request{Op: control.OpStop, Token: record.Token, Component: name})
			return err
		})
	}
	err = parts.Wait()
	if err == nil {
		_, err = control.Call(ctx, s, control.Request{Op: control.OpHandover, Token: record.Token})
	}
	if errors.Is(err, control.ErrAbsent) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("halt stamp in %s: %w", filepath.Base(string(s)), err)
	}
	return nil
}
