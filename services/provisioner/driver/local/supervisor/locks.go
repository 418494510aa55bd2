package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"stampworks.dev/services/provisioner/driver/local/process"
	"stampworks.dev/services/provisioner/driver/local/trampoline"
)

// clearLocks removes what an earlier process of the component left to say that
// it runs. The nonce is that process's: nothing of it may be left, or the lock
// is none of a dead one.
func (r *replica) clearLocks(nonce string) error {
	if len(r.applied.Locks) == 0 {
		return nil
	}
	if nonce != "" { // an earlier supervisor's, whose end nobody saw
		left := func() ([]int, error) { return process.WithEnv(trampoline.NonceVariable + "=" + nonce) }
		if err := process.EndAll(r.ctx, left); err != nil {
			return fmt.Errorf("clear locks: %w", err)
		}
	}
	// In a volume the stamp can put symbolic links: none leads out of a root.
	root, err := os.OpenRoot(r.u.dir.Volumes())
	if err != nil {
		return fmt.Errorf("clear locks: %w", err)
	}
	defer func() { _ = root.Close() }() // only looked into
	for _, lock := range r.applied.Locks {
		switch err := root.Remove(lock); {
		case err == nil:
			r.u.s.log.Info("lock of an ended process removed", "component", r.u.name, "file", lock)
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("clear lock: %w", err)
		}
	}
	return nil
}
