package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// Reserve gives the stamp an address that nothing listens on.
func (d *Driver) Reserve(ctx context.Context, ref driver.Ref, want driver.SiteRequest) (driver.Site, error) {
	if err := d.begin(ctx, Call{Verb: "Reserve", Ref: ref}); err != nil {
		return driver.Site{}, err
	}
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	if d.cell.stamps[ref.UID] == nil {
		if last, gone := d.cell.gone[ref.UID]; gone && ref.Stale(last) {
			return driver.Site{}, driver.ErrStaleToken
		}
		if err := d.add(ref); err != nil {
			return driver.Site{}, err
		}
	}
	s, err := d.cell.claim(ref)
	if err != nil {
		return driver.Site{}, err
	}
	for _, v := range s.lost {
		component, volume, _ := strings.Cut(v, ".")
		if slices.Contains(want.Components[component], volume) {
			return driver.Site{}, errs.New(errs.FailedPrecondition, "DATA_MISSING", "reserve stamp of %q: the volume %s is gone", ref.Tenant, v)
		}
	}
	s.extend(want)
	s.missing = nil
	return s.site, nil
}

func (d *Driver) add(ref driver.Ref) error {
	if uid := d.cell.names[ref.Tenant]; d.cell.stamps[uid] != nil {
		return errs.New(errs.Conflict, "STAMP_EXISTS", "reserve stamp of %q: another tenant of that id has one", ref.Tenant)
	}
	if most, set := d.cfg.Allocatable["stamps"]; set && int64(len(d.cell.stamps)) >= most {
		return errs.New(errs.ResourceExhausted, "STAMPS_EXHAUSTED", "reserve stamp of %q: all %d stamps are taken", ref.Tenant, most).With("resource", "stamps")
	}
	d.cell.names[ref.Tenant] = ref.UID
	n := d.cell.next
	d.cell.next++
	first := d.cfg.FirstPort
	if first == 0 {
		first = 20000
	}
	d.cell.stamps[ref.UID] = &stamp{
		ref: ref,
		site: driver.Site{
			Dir: "/memory/" + ref.Tenant, UserID: 200000 + n,
			PublicURL: fmt.Sprintf("http://127.0.0.1:%d", first+n), Backup: "/memory/" + ref.Tenant + "/backup",
			Isolation: isolation(),
		},
		components: map[string]*component{}, jobs: map[string]driver.JobResult{}, running: map[string]*work{}, ran: map[string]bool{},
	}
	return nil
}

// extend gives the site what the request newly asks for. The maps are made
// anew: earlier answers share the old ones.
func (s *stamp) extend(want driver.SiteRequest) {
	site := &s.site
	n := site.UserID - 200000
	host := fmt.Sprintf("127.%d.%d.%d", 64+n>>16&63, n>>8&255, n&255)
	binds, artifacts := map[string]driver.Bind{}, map[string]driver.ResolvedArtifact{}
	volumes, files, tmp := map[string]string{}, map[string]string{}, map[string]string{}
	for name, port := range want.Ports {
		binds[name] = driver.Bind{Listen: host, Host: host, Port: port}
	}
	if _, has := binds[want.Endpoint]; has {
		var port int
		_, _ = fmt.Sscanf(site.PublicURL, "http://127.0.0.1:%d", &port) // our own text
		closed := binds[want.Endpoint]
		site.Closed = &closed
		binds[want.Endpoint] = driver.Bind{Listen: "127.0.0.1", Host: "127.0.0.1", Port: port}
	}
	for name, a := range want.Artifacts {
		artifacts[name] = driver.ResolvedArtifact{Dir: "/memory/artifacts/" + name + "-" + a.SHA256, Digest: a.SHA256}
	}
	for c, names := range want.Components {
		dir := site.Dir + "/components/" + c
		files[c], tmp[c] = dir+"/files", dir+"/tmp"
		for _, v := range names {
			volumes[c+"."+v] = dir + "/volumes/" + v
		}
	}
	site.Binds, site.Artifacts, site.Volumes, site.Files, site.Tmp = binds, artifacts, volumes, files, tmp
}

// Ensure notes the component as running.
func (d *Driver) Ensure(ctx context.Context, ref driver.Ref, m driver.Manifest, name string) error {
	if err := d.begin(ctx, Call{Verb: "Ensure", Ref: ref, Component: name}); err != nil {
		return err
	}
	wish := m.Components[name]
	digest, err := m.Digest(name)
	if err == nil {
		err = wish.Check()
	}
	if err != nil {
		return errs.New(errs.InvalidArgument, "MANIFEST_INVALID", "ensure component %q: %w", name, err)
	}
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	s, err := d.cell.claim(ref)
	if wish.Stopped && errs.ReasonOf(err) == "NUMBERS_TAKEN" {
		return nil
	}
	if err != nil {
		return err
	}
	if m.Recovery == nil {
		m.Recovery = s.wish.Recovery
	}
	s.wish, s.ran[name] = m, s.ran[name] || !wish.Stopped
	c := s.components[name]
	if c == nil {
		c = &component{}
		s.components[name] = c
	}
	if c.Running && (wish.Stopped || c.Digest != digest) {
		c.end("stopped")
	}
	if wish.Stopped {
		c.Digest = digest
	} else if !c.Running {
		if c.LastExit != "" && c.LastExit != "stopped" {
			c.Restarts++
		}
		d.cell.pid++
		c.start(d.cell.pid, digest)
		if d.cfg.Lines != nil {
			c.log = append(c.log, d.cfg.Lines(wish)...)
		}
	}
	return nil
}

// Observe tells what was noted.
func (d *Driver) Observe(ctx context.Context, ref driver.Ref) (driver.Observation, error) {
	if err := d.begin(ctx, Call{Verb: "Observe", Ref: ref}); err != nil {
		return driver.Observation{}, err
	}
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	s := d.cell.stamps[ref.UID]
	if s == nil {
		return driver.Observation{}, nil
	}
	o := driver.Observation{
		Exists: true, Components: make(map[string]driver.ComponentObservation, len(s.components)),
		Lost: slices.Clone(s.lost), Missing: slices.Clone(s.missing), Barred: s.barred, Wished: s.wish.Wished(),
	}
	for name, c := range s.components {
		one := c.ComponentObservation
		one.PIDs = slices.Clone(one.PIDs)
		o.Components[name] = one
	}
	return o, nil
}

// Stop notes the component as stopped.
func (d *Driver) Stop(ctx context.Context, ref driver.Ref, name string) error {
	if err := d.begin(ctx, Call{Verb: "Stop", Ref: ref, Component: name}); err != nil {
		return err
	}
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	s, err := d.cell.claim(ref)
	if reason := errs.ReasonOf(err); reason == "SITE_NOT_RESERVED" || reason == "NUMBERS_TAKEN" {
		return nil
	}
	if err != nil {
		return err
	}
	if c := s.components[name]; c != nil && c.Running {
		c.end("stopped")
	}
	return nil
}

// Destroy forgets the stamp and its files, but not the token under which
// it went. What is kept of it stays.
func (d *Driver) Destroy(ctx context.Context, ref driver.Ref) error {
	if err := d.begin(ctx, Call{Verb: "Destroy", Ref: ref}); err != nil {
		return err
	}
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	s, err := d.cell.find(ref)
	if err != nil && errs.ReasonOf(err) != "SITE_NOT_RESERVED" {
		return err
	}
	if s != nil {
		if err := s.endAll(); err != nil {
			return err
		}
		d.cfg.Disk.Replace(s.site.Dir, nil)
	}
	delete(d.cell.stamps, ref.UID)
	d.cell.gone[ref.UID] = ref
	return nil
}

// endAll ends what runs, for good, and says what cannot be removed.
func (s *stamp) endAll() error {
	s.ending = true
	s.cancelJobs(nil)
	for _, c := range s.components {
		if c.Running {
			c.end("stopped")
		}
	}
	if s.pinned != "" {
		return errs.New(errs.Internal, "STAMP_LEFT_BEHIND", "destroy stamp of %q: %s is busy", s.ref.Tenant, s.pinned)
	}
	return nil
}

// Capacity is large unless Config says otherwise.
func (d *Driver) Capacity(ctx context.Context) (driver.Capacity, error) {
	if err := d.begin(ctx, Call{Verb: "Capacity"}); err != nil {
		return driver.Capacity{}, err
	}
	all := map[string]int64{
		"cpu_millis": 1 << 40, "memory_bytes": 1 << 60, "disk_bytes": 1 << 60,
		"addresses": 1 << 22, "ports": 1 << 22, "users": 1 << 22, "stamps": 1 << 22,
	}
	maps.Copy(all, d.cfg.Allocatable)
	return driver.Capacity{Allocatable: all, Isolation: isolation(), Programs: map[string]string{}}, nil
}

func isolation() map[string]string {
	none := map[string]string{}
	for _, kind := range []string{"users", "files", "network", "cpu", "memory", "disk"} {
		none[kind] = "NONE"
	}
	return none
}

// timed fills in what a job function left out.
func timed(r driver.JobResult, began time.Time) driver.JobResult {
	if r.Started.IsZero() {
		r.Started, r.Duration = began, time.Since(began)
	}
	r.Output = last(r.Output, 20)
	return r
}
