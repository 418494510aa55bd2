package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/blueprint/compare"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/render"
	"stampworks.dev/services/provisioner/internal/secrets"
)

// outline is what a recipe says whatever the tenant: it needs neither a site
// nor secrets, so the whole plan can be shown at once.
type outline struct {
	site    string
	secrets []string
	parts   []Part
	checks  []Check
	// endpoint is the component that customers reach.
	endpoint string
}

// outlineOf gives a revision's outline, which is made once.
func (e *Engine) outlineOf(revision string, recipe *blueprint.Recipe) (*outline, error) {
	if o, ok := e.outlines.Load(revision); ok {
		return o.(*outline), nil // only outlines are stored
	}
	msg := recipe.Message()
	request, err := json.Marshal(render.SiteRequest(recipe))
	if err != nil {
		return nil, fmt.Errorf("encode site request: %w", err)
	}
	o := &outline{site: string(request), secrets: slices.Sorted(maps.Keys(recipe.Secrets())), checks: checks(msg)}
	o.endpoint, _, _ = strings.Cut(msg.GetEndpoint(), ".")
	for _, name := range recipe.Order() {
		c := msg.GetComponents()[name]
		o.parts = append(o.parts, Part{
			Name: name, DependsOn: recipe.DependsOn(name),
			Setup: c.GetSetup() != nil, Migrate: c.GetMigrate() != nil, Probed: c.GetReady() != nil,
		})
	}
	e.outlines.Store(revision, o)
	return o, nil
}

// outline fills the wish with what the recipe says.
func (r *run) outline() error {
	o, err := r.outlineOf(r.tenant.GetBlueprint(), r.recipe)
	if err != nil {
		return err
	}
	r.wish.Site, r.wish.Secrets, r.wish.Checks, r.wish.Endpoint = o.site, o.secrets, o.checks, o.endpoint
	r.wish.Parts = slices.Clone(o.parts) // each gets its rendering
	return nil
}

// checks are the recipe's smoke checks. A recipe with an endpoint and no check
// of it gets one: whatever else, it must answer.
func checks(msg *typev1.Blueprint) []Check {
	var all []Check
	public := false
	for i, c := range msg.GetSmoke() {
		all = append(all, Check{ID: fmt.Sprintf("smoke.%d", i+1), Public: c.GetExec() == ""})
		public = public || c.GetExec() == ""
	}
	if msg.GetEndpoint() != "" && !public {
		all = append(all, Check{ID: answersID, Public: true})
	}
	return all
}

// answersID is the check that the endpoint answers at all.
const answersID = "smoke.answers"

// render makes the forms once the site and the secrets are there, and only
// when the plan is to look at them: a stamp at rest is not rendered.
func (r *run) render(ctx context.Context) error {
	e := entry(r.book.Stamp, kindSite, kindSite)
	site := siteOf(r.book.Stamp)
	done := settled(r.wish, r.book.Stamp)
	switch {
	case r.recipe == nil || r.forms != nil || r.missingSecrets():
		return nil
	case site == nil || e.GetState() != pb.LedgerEntry_PRESENT || !done && !compare.Same(requestOf(e), r.wish.Site):
		return nil // reserved first
	case done && Decide(r.wish, r.book.Stamp, r.seen).Done():
		return nil
	}
	if r.vault == nil {
		var err error
		if r.vault, err = r.Vault.Read(ctx, r.id, r.tenant.GetUid()); err != nil {
			return err
		}
		if err := secrets.Lacking(r.vault, r.book.Stamp.GetSecretVersions()); err != nil {
			r.vault = nil
			return err
		}
	}
	r.input = render.Input{Tenant: r.tenant, Recipe: r.recipe, Site: *site, Secrets: r.vault}
	forms, err := render.Render(r.input)
	if err != nil {
		return err
	}
	r.forms = forms
	for i, p := range r.wish.Parts {
		r.wish.Parts[i].Rendered = forms.Ledger[p.Name]
		r.describe(p, forms.Masked.Components[p.Name], *site)
	}
	r.order()
	return r.renderShut()
}

// renderShut makes the forms of a closed endpoint, for a run that closes it.
func (r *run) renderShut() (err error) {
	if r.wish.Endpoint == "" || !r.wish.closing(r.book.Stamp) && !r.book.Stamp.GetClosed() {
		return nil
	}
	in := r.input
	in.Closed = true
	if r.shut, err = render.Render(in); err != nil {
		return err
	}
	for i, p := range r.wish.Parts {
		r.wish.Parts[i].Closed = r.shut.Ledger[p.Name]
	}
	return nil
}

func (r *run) missingSecrets() bool {
	for _, name := range r.wish.Secrets {
		if r.book.Stamp.GetSecretVersions()[name] == 0 {
			return true
		}
	}
	return false
}

// describe keeps what others need to know of a component: what it needs, where
// it is, and how to ask it.
func (r *run) describe(p Part, c blueprint.Component, site driver.Site) {
	s := status(r.book.Stamp, p.Name)
	if s == nil {
		s = &pb.ComponentStatus{Name: p.Name}
		r.book.Stamp.Components = append(r.book.Stamp.Components, s)
	}
	s.DependsOn, s.Addresses, s.Probe = p.DependsOn, map[string]string{}, target(c)
	for name, b := range site.Binds {
		if component, port, _ := strings.Cut(name, "."); component == p.Name {
			s.Addresses[port] = fmt.Sprintf("%s:%d", b.Host, b.Port)
		}
	}
}

// target is how health asks: the live probe, or the ready probe, or only
// whether the process runs.
func target(c blueprint.Component) *pb.ProbeTarget {
	p := c.Live
	if p == nil {
		p = c.Ready
	}
	if p == nil {
		return nil
	}
	t := &pb.ProbeTarget{
		Url: p.HTTP, Status: int32(p.Status), Tcp: p.TCP, Grpc: p.GRPC, Exec: len(p.Command) > 0,
		Timeout: durationpb.New(p.Timeout), Every: durationpb.New(p.Every), Slow: durationpb.New(p.Slow),
	}
	if c.Live == nil {
		t.Timeout, t.Every = nil, nil // those are for the start
	}
	return t
}

// order puts the components into start order; those that are to be removed
// come last.
func (r *run) order() {
	at := map[string]int{}
	for i, p := range r.wish.Parts {
		at[p.Name] = i + 1
	}
	slices.SortStableFunc(r.book.Stamp.Components, func(a, b *pb.ComponentStatus) int {
		pa, pb := at[a.GetName()], at[b.GetName()]
		if pa == 0 || pb == 0 {
			return pb - pa
		}
		return pa - pb
	})
}

// manifest is the whole wish for the driver. What was not started yet is
// stopped in it: whoever reads it after a crash starts what ran, and no more.
func (r *run) manifest() driver.Manifest {
	m := render.Manifest(r.input, r.forms.Real, r.Telemetry)
	if r.book.Stamp.GetClosed() && r.shut != nil {
		m.Components[r.wish.Endpoint] = render.Manifest(r.input, r.shut.Real, r.Telemetry).Components[r.wish.Endpoint]
	}
	for name, c := range m.Components {
		c.Stopped = !status(r.book.Stamp, name).GetWanted()
		m.Components[name] = c
	}
	return r.recoverable(m, r.vault, r.book.Stamp)
}
