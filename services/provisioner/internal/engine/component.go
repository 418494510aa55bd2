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
)

func (r *run) start(component string) func(context.Context) result {
	ref := r.ref()
	m := r.keptManifest(component) // of a stamp that is only started to be backed up
	if r.forms != nil {
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
	site := siteOf(r.book.Stamp)
	if site == nil {
		site = &driver.Site{}
	}
	m, err := render.Kept(r.book.Stamp, *site, r.vault, r.id, component)
	if err != nil {
		r.log.Warn("ledger cannot be read", "error", err) // the driver refuses what is not in the manifest
	}
	return r.recoverable(m, r.vault)
}

// end stops a component: first the manifest says so, for whoever reads it after
// a crash, then its process ends. It needs no recipe: what the ledger has is
// stopped.
func (r *run) end(s Step) func(context.Context) result {
	ref, have, c := r.ref(), r.book.Stamp, s.Component
	site := siteOf(have)
	if site == nil {
		site = &driver.Site{}
	}
	m, err := render.Kept(have, *site, r.vault, r.id, c)
	uid := r.tenant.GetUid()
	m = r.recoverable(m, r.vault)
	known, kept := r.vault != nil, proto.CloneOf(have)
	return func(ctx context.Context) result {
		if !known {
			// Unreadable secrets keep nobody from stopping: what stops needs none.
			if values, openErr := r.Vault.Read(ctx, r.id, uid); openErr == nil {
				m, err = render.Kept(kept, *site, values, r.id, c)
				m = r.recoverable(m, values)
			}
		}
		if err == nil {
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
