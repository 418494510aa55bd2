package engine

import (
	"context"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/render"
	"stampworks.dev/services/provisioner/internal/secrets"
)

func (r *run) start(component string) func(context.Context) result {
	ref := r.ref()
	m := r.keptManifest(component) // of what is only started to be backed up
	if r.forms != nil && !r.wish.revives(component, r.book.Stamp) {
		m = r.manifest()
	}
	digest, _ := m.Digest(component) // Ensure refuses what has none
	return func(ctx context.Context) result {
		err := r.driver.Ensure(ctx, ref, m, component)
		return result{err: err, apply: func(r *run) error {
			r.ledger(kindComponent, component, pb.LedgerEntry_PRESENT, "")
			r.seen.Running[component], r.seen.Started[component] = true, true
			r.restarted(component)
			c := status(r.book.Stamp, component)
			c.Running, c.Digest = true, digest
			return nil
		}}
	}
}

// letIn starts the endpoint's component where customers reach it.
func (r *run) letIn(component string) func(context.Context) result {
	start := r.start(component)
	return func(ctx context.Context) result {
		res := start(ctx)
		started := res.apply
		res.apply = func(r *run) error { r.seen.Opened = true; return started(r) }
		return res
	}
}

// keptManifest is the manifest of what the ledger has, to be given to the driver
// about one component.
func (r *run) keptManifest(component string) driver.Manifest {
	return r.keptOf(r.book.Stamp, r.vault, component)
}

func (r *run) keptOf(have *pb.Stamp, values map[string]secrets.Secret, component string) driver.Manifest {
	site := siteOf(have)
	if site == nil {
		site = &driver.Site{}
	}
	m, err := render.Kept(have, *site, values, r.id, component)
	if err != nil {
		r.log.Warn("ledger cannot be read", "error", err) // the driver refuses what is not in the manifest
	}
	return r.recoverable(m, values, have)
}

func hasComponent(m driver.Manifest, name string) bool {
	_, has := m.Components[name]
	return has
}

// end stops a component: first the manifest says so, for whoever reads it after
// a crash, then its process ends. It needs no recipe: what the ledger has is
// stopped. What the ledger does not have, of a stamp that was just taken over, is
// stopped alone: the manifest is that of before.
func (r *run) end(s Step) func(context.Context) result {
	ref, have, c := r.ref(), proto.CloneOf(r.book.Stamp), s.Component
	values, uid := r.vault, r.tenant.GetUid()
	return func(ctx context.Context) result {
		if values == nil {
			// Unreadable secrets keep nobody from stopping: what stops needs none.
			if opened, err := r.Vault.Read(ctx, r.id, uid); err == nil {
				values = opened
			}
		}
		var err error
		if m := r.keptOf(have, values, c); hasComponent(m, c) {
			err = r.driver.Ensure(ctx, ref, m, c)
		}
		if err == nil {
			err = r.driver.Stop(ctx, ref, c)
		}
		return result{err: err, apply: func(r *run) error { r.stopped(s); return nil }}
	}
}

func (r *run) stopped(s Step) {
	r.seen.Running[s.Component] = false
	r.mend(s.Component)
	if s.Action == Remove {
		r.drop(s.Component)
		return
	}
	r.restarted(s.Component)
	r.ledger(kindComponent, s.Component, pb.LedgerEntry_PRESENT, "")
	if c := status(r.book.Stamp, s.Component); c != nil {
		c.Running, c.Pids, c.StartTime = false, nil, nil
	}
}

// drop takes a component out of the record.
func (r *run) drop(component string) {
	have := r.book.Stamp
	have.Ledger = slices.DeleteFunc(have.Ledger, func(e *pb.LedgerEntry) bool {
		return e.GetKind() == kindComponent && e.GetName() == component
	})
	have.Components = slices.DeleteFunc(have.Components, func(c *pb.ComponentStatus) bool { return c.GetName() == component })
	maps.DeleteFunc(have.JobsDone, func(job, _ string) bool {
		return strings.HasPrefix(job, component+".") && job != id(component, Setup) // its volumes are kept
	})
}
