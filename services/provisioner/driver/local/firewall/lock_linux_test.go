package firewall

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stampworks.dev/services/provisioner/driver/local/lockfile"
)

// TestNobodyElseHoldsTheLock: what every process of the network can open and
// lock keeps nobody from the firewall, and one that
// has stopped keeps nobody for longer than their context lasts.
func TestNobodyElseHoldsTheLock(t *testing.T) {
	ownNetwork(t)
	network, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = network.Close() }()
	if err := unix.Flock(int(network.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), lockfile.Within/2)
	defer cancel()
	o := Owner{User: 300001, Address: "127.99.0.1", Ports: []int{23001}}
	if err := errors.Join(Allow(ctx, o), Confine(ctx, o, nil), Release(ctx, o), Forget(ctx, o)); err != nil {
		t.Error(err)
	}
	path, err := lockFile()
	if err != nil {
		t.Fatal(err)
	}
	release, err := lockfile.Take(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(path) }()
	defer release()
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := Allow(soon, o); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Allow past its context = %v", err)
	}
}
