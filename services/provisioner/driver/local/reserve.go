package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// Reserve finds the programs, takes user, address, ports and walls from the host, makes
// the directories, and starts the stamp's supervisor.
func (d *Driver) Reserve(ctx context.Context, ref driver.Ref, want driver.SiteRequest) (driver.Site, error) {
	if err := checkRequest(ref, want); err != nil {
		return driver.Site{}, errs.New(errs.InvalidArgument, "NAME_INVALID", "%w", err)
	}
	if err := d.refused(ctx, d.stamp(ref)); err != nil {
		return driver.Site{}, err
	}
	programs := map[string]driver.ResolvedArtifact{}
	for name, a := range want.Artifacts {
		var err error
		if programs[name], err = d.artifacts.Resolve(ctx, name, a); err != nil {
			return driver.Site{}, err
		}
	}
	a, err := d.changes.Reserve(ctx, host.Claim{
		Ref: ref, User: d.means.users, Ports: withClosed(want), Endpoint: want.Endpoint,
	})
	if err != nil {
		return driver.Site{}, err
	}
	if err := d.lostVolumes(ref, want); err != nil {
		return driver.Site{}, err
	}
	if err := d.makeDirs(ref, a, want); err != nil {
		return driver.Site{}, err
	}
	settings := d.settings(a)
	if _, err := d.ask(ctx, ref, control.Request{Op: control.OpReserve, Settings: &settings}); err != nil {
		return driver.Site{}, err
	}
	site := d.site(ref, a, want)
	site.Artifacts = programs
	return site, nil
}

// closedPort names the endpoint's second port, for when it is closed: no
// component's port has such a name.
func closedPort(endpoint string) string { return endpoint + ".closed" }

// withClosed adds it to the ports that are asked for.
func withClosed(want driver.SiteRequest) map[string]int {
	ports := maps.Clone(want.Ports)
	if port, has := ports[want.Endpoint]; has {
		ports[closedPort(want.Endpoint)] = port
	}
	return ports
}

func checkRequest(ref driver.Ref, want driver.SiteRequest) error {
	if err := ref.Check(); err != nil {
		return err
	}
	for component, volumes := range want.Components {
		for _, name := range append([]string{component}, volumes...) {
			if err := driver.CheckComponent(name); err != nil {
				return err
			}
		}
	}
	for name, port := range want.Ports {
		if port < 1 || port > 65535 {
			return fmt.Errorf("check port %q: %d is not a port", name, port)
		}
	}
	return nil
}

func (d *Driver) makeDirs(ref driver.Ref, a host.Allocation, want driver.SiteRequest) error {
	s := d.stamp(ref)
	if err := s.Make(a.User); err != nil {
		return fmt.Errorf("reserve stamp: %w", err)
	}
	for component, volumes := range want.Components {
		if err := s.MakeComponent(component, volumes, a.User); err != nil {
			return fmt.Errorf("reserve stamp: %w", err)
		}
	}
	if _, err := os.Stat(s.Manifest()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Without the stamp's lock: whoever hangs here must not keep the supervisor,
	// which holds it, from being.
	err := control.Record{
		Version: control.Version, Tenant: ref.Tenant, UID: ref.UID, Token: ref.Token, Recovery: ref.Recovery,
		Settings: d.settings(a), Applied: map[string]control.Applied{}, Begun: map[string]bool{},
	}.Create(s)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// site describes what was given.
func (d *Driver) site(ref driver.Ref, a host.Allocation, want driver.SiteRequest) driver.Site {
	s, own := d.stamp(ref), d.settings(a).Tmp
	site := driver.Site{
		Dir: string(s), UserID: a.User, Backup: s.Backup(), Binds: map[string]driver.Bind{},
		Volumes: map[string]string{}, Files: map[string]string{}, Tmp: map[string]string{},
		Isolation: d.means.isolation(a.User),
	}
	for name, port := range want.Ports {
		site.Binds[name] = d.bind(a, name, port, name == want.Endpoint)
	}
	if b, has := site.Binds[want.Endpoint]; has {
		closed := d.bind(a, closedPort(want.Endpoint), want.Ports[want.Endpoint], false)
		site.PublicURL, site.Closed = d.publicURL(ref.Tenant, b), &closed
	}
	for component, volumes := range want.Components {
		c := s.Component(component)
		site.Files[component], site.Tmp[component] = c.Files(), c.Tmp()
		if own != "" {
			site.Tmp[component] = own // short enough for sockets
		}
		for _, v := range volumes {
			site.Volumes[component+"."+v] = c.Volume(v)
		}
	}
	return site
}

func (d *Driver) bind(a host.Allocation, name string, port int, endpoint bool) driver.Bind {
	if pooled := a.Ports[name]; pooled != 0 {
		port = pooled
	}
	at := a.Address
	if at == "" {
		at = "127.0.0.1"
	}
	if !endpoint {
		return driver.Bind{Listen: at, Host: at, Port: port}
	}
	reached := d.cfg.PublicAddress
	if ip, err := netip.ParseAddr(reached); err == nil && ip.IsUnspecified() {
		reached = "127.0.0.1"
	}
	return driver.Bind{Listen: d.cfg.PublicAddress, Host: reached, Port: port}
}

func (d *Driver) publicURL(tenant string, b driver.Bind) string {
	if d.cfg.URLTemplate == "" {
		return "http://" + net.JoinHostPort(b.Host, strconv.Itoa(b.Port))
	}
	filled := strings.NewReplacer("{tenant}", tenant, "{port}", strconv.Itoa(b.Port)).Replace(d.cfg.URLTemplate)
	return strings.TrimSuffix(filled, "/")
}

// reserved gives the stamp's directory when it is this very tenant's.
func (d *Driver) reserved(ref driver.Ref) (layout.Stamp, bool, error) {
	s, _, has, err := d.record(ref)
	return s, has, err
}

// record gives the stamp's record, too.
func (d *Driver) record(ref driver.Ref) (layout.Stamp, control.Record, bool, error) {
	if err := ref.Check(); err != nil {
		return "", control.Record{}, false, errs.New(errs.InvalidArgument, "NAME_INVALID", "%w", err)
	}
	s := layout.Stamp(filepath.Join(d.stamps(), ref.Tenant))
	r, err := control.ReadRecord(s)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && r.UID != ref.UID:
		return s, control.Record{}, false, nil
	case err != nil:
		return s, control.Record{}, false, err
	}
	return s, r, true, nil
}
