package demo

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local"
)

// removeAll deletes and purges every tenant, then looks for anything that is
// left of it on this machine.
func (r *run) removeAll(ctx context.Context) (string, error) {
	traces := make([]trace, 0, len(r.stamps))
	sites := make([]driver.Site, 0, len(r.stamps))
	for _, s := range r.stamps {
		m, err := r.manifest(s)
		if err != nil {
			return "", err
		}
		traces, sites = append(traces, trace{s.tenant, s.url, m}), append(sites, m.Wish.Site)
	}
	for _, s := range r.stamps {
		for _, verb := range []string{"delete", "purge"} {
			if err := r.change(ctx, s.tenant, verb); err != nil {
				return "", err
			}
		}
	}
	var left []string
	for _, t := range traces {
		left = append(left, t.left(ctx)...)
	}
	rest, err := local.Leftovers(filepath.Join(r.plane.data(), "provisioner", "cell"), sites)
	if err != nil {
		return "", err
	}
	left = append(left, rest...)
	if r.result.LeftBehind = len(left); len(left) > 0 {
		return "", fmt.Errorf("left behind: %s", strings.Join(left, "; "))
	}
	return fmt.Sprintf("%d tenants gone: no process, port, directory, user, rule or control group", len(traces)), nil
}

// trace is what a stamp may leave.
type trace struct {
	tenant, url string
	manifest    manifest
}

func (t trace) left(ctx context.Context) []string {
	var left []string
	if uid := t.manifest.Wish.Site.UserID; uid > 0 {
		for _, pid := range processesOf(uid) {
			left = append(left, fmt.Sprintf("process %d of user %d", pid, uid))
		}
	}
	for name := range t.manifest.Wish.Site.Binds {
		if open(ctx, t.manifest.at(name)) {
			left = append(left, "port "+name+" of "+t.tenant)
		}
	}
	if u, err := url.Parse(t.url); err == nil && open(ctx, u.Host) {
		left = append(left, "address "+t.url)
	}
	return left
}

// open reports whether somebody accepts connections at an address.
func open(ctx context.Context, address string) bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// processesOf lists a user's processes.
func processesOf(uid int) []int {
	var found []int
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		info, err := os.Stat(filepath.Join("/proc", e.Name()))
		if err != nil {
			continue // it ended meanwhile
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) == uid && info.Mode().Type() == fs.ModeDir {
			found = append(found, pid)
		}
	}
	return found
}
