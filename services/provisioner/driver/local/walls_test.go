package local_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"stampworks.dev/services/provisioner/driver/local"
	"stampworks.dev/services/provisioner/driver/local/firewall"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(word string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), word)
}

// TestLostFirewallRulesComeBack: what another program took is back soon, is told
// of once, and does not outlive the stamp.
func TestLostFirewallRulesComeBack(t *testing.T) {
	t.Parallel()
	log := &lines{}
	d, err := local.New(config(t), local.Deps{Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	needRoot(t, d)
	a := newTenant(t, d, "aaa")
	if a.m.Site.Isolation["network"] == "NONE" {
		t.Skip("needs nftables")
	}
	sql, web := a.m.Site.Binds["app.sql"], a.m.Site.Binds["app.http"]
	own := firewall.Owner{User: a.m.Site.UserID, Address: sql.Host, Ports: []int{web.Port}}
	before, err := firewall.Holds(own)
	if err != nil || before == 0 {
		t.Fatalf("the firewall holds %d elements, %v", before, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	for range 2 {
		if err := firewall.Forget(t.Context(), own); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() error {
			if n, err := firewall.Holds(own); err != nil || n != before {
				return fmt.Errorf("the firewall holds %d elements of %d, %w", n, before, err)
			}
			return nil
		})
	}
	waitFor(t, func() error {
		if n := log.count("firewall rules were gone"); n == 0 || n > 2 {
			return fmt.Errorf("told of %d times", n)
		}
		return nil
	})
	if err := d.Destroy(t.Context(), a.ref); err != nil {
		t.Fatal(err)
	}
	if n, err := firewall.Holds(own); err != nil || n != 0 {
		t.Errorf("after Destroy the firewall holds %d elements, %v", n, err)
	}
}
