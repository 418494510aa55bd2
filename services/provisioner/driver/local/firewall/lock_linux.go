package firewall

import (
	"context"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"stampworks.dev/services/provisioner/driver/local/lockfile"
)

// lockDir has a lock for each network of the machine. It is root's alone: the
// network itself, which /proc shows to everybody, can be locked by everybody.
const lockDir = "/run/stampworks"

// library guards the nftables library's own counter of sets; it has room for who
// is at it.
var library = make(chan struct{}, 1)

// alone runs fn while no other goroutine changes a table.
func alone(ctx context.Context, fn func() error) error {
	select {
	case library <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("lock firewall: %w", ctx.Err())
	}
	defer func() { <-library }()
	return fn()
}

// locked runs fn while nobody else of this network changes the table: not
// another goroutine, and not a provisioner with another host directory. It may be
// killed meanwhile: see package lockfile.
func locked(ctx context.Context, fn func() error) error {
	return alone(ctx, func() error {
		path, err := lockFile()
		if err != nil {
			return fmt.Errorf("lock firewall: %w", err)
		}
		release, err := lockfile.Take(ctx, path)
		if err != nil {
			return fmt.Errorf("lock firewall: %w", err)
		}
		defer release()
		return fn()
	})
}

// lockFile is the file of the network that this thread is in.
func lockFile() (string, error) {
	if err := lockfile.Dir(lockDir); err != nil {
		return "", err
	}
	var network unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &network); err != nil {
		return "", err
	}
	return filepath.Join(lockDir, fmt.Sprintf("net-%d.lock", network.Ino)), nil
}
