package local_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stampworks.dev/services/provisioner/driver/local"
	"stampworks.dev/services/provisioner/driver/local/firewall"
)

// left lists what the host has of a tenant whose data directory is gone.
func (n *tenant) left(c local.Config) (all []string) {
	n.t.Helper()
	for _, pattern := range []string{"/sys/fs/cgroup/*/stampworks/*-", "/sys/fs/cgroup/stampworks/*-"} {
		found, err := filepath.Glob(pattern + n.ref.Tenant)
		if err != nil {
			n.t.Fatal(err)
		}
		all = append(all, found...)
	}
	text, err := os.ReadFile(filepath.Join(c.HostDir, "allocations.json"))
	if err != nil {
		n.t.Fatal(err)
	}
	if strings.Contains(string(text), `"tenant": "`+n.ref.Tenant+`"`) {
		all = append(all, "allocation")
	}
	if user := n.m.Site.UserID; user != 0 && n.m.Site.Isolation["network"] != "NONE" {
		held, err := firewall.Holds(firewall.Owner{User: user, Address: n.m.Site.Binds["app.sql"].Host})
		if err != nil {
			n.t.Fatal(err)
		}
		if held > 0 {
			all = append(all, "firewall elements")
		}
	}
	return all
}

// TestOpenCollectsRemovedDirectories: somebody has removed a data directory by
// hand, after all was halted, or while it ran.
func TestOpenCollectsRemovedDirectories(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"another directory": false, "the same again": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config(t)
			a := newTenant(t, open(t, c), "aaa")
			a.ensure("python3", "-c", sleeper)
			halt(t, c.DataDir, 1)
			if left := a.left(c); len(left) > 2 || len(left) == 0 || strings.HasPrefix(left[0], "/sys") {
				t.Errorf("halted, but with its directory there: %v", left)
			}
			if err := os.RemoveAll(c.DataDir); err != nil {
				t.Fatal(err)
			}
			if !again {
				c.DataDir = t.TempDir()
			}
			open(t, c)
			if left := a.left(c); len(left) != 0 {
				t.Errorf("after the next open: %v", left)
			}
		})
	}
}

func TestRemovedWhileItRanIsCollected(t *testing.T) {
	t.Parallel()
	c := config(t)
	d := open(t, c)
	needRoot(t, d)
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", sleeper)
	if err := os.RemoveAll(c.DataDir); err != nil {
		t.Fatal(err)
	}
	other := c
	other.DataDir = t.TempDir()
	next := open(t, other)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- next.Run(ctx) }()
	waitFor(t, func() error {
		if left := a.left(c); len(left) != 0 {
			return fmt.Errorf("left: %v", left)
		}
		return nil
	})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
