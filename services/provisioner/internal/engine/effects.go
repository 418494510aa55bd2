package engine

import (
	"context"
	"fmt"
	"maps"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/internal/render"
)

// effect gives the call that carries out a step. What the call needs is copied
// here, by the run's own goroutine; what it brings comes back in the result.
func (r *run) effect(s Step) func(context.Context) result {
	switch s.Action {
	case Reserve:
		return r.reserve()
	case Secrets:
		return r.makeSecrets()
	case Setup, Migrate:
		return r.job(s)
	case Start:
		return r.start(s.Component)
	case Open:
		return r.letIn(s.Component)
	case Backup:
		return r.backup(s)
	case Restore:
		return r.restore(s)
	case Rotate:
		return r.changeSecret(s)
	case Task:
		return r.runTask(s)
	case Ready:
		return r.ready(s.Component)
	case Stop, Close, Remove:
		return r.end(s)
	case Smoke:
		return r.smoke(s.ID)
	case Destroy:
		return r.destroy()
	case Report:
		return r.report()
	}
	return func(context.Context) result { return result{err: fmt.Errorf("no such action %q", s.Action)} }
}

func (r *run) reserve() func(context.Context) result {
	want, ref := render.SiteRequest(r.recipe), r.ref()
	return func(ctx context.Context) result {
		site, err := r.driver.Reserve(ctx, ref, want)
		if err != nil {
			return result{err: err}
		}
		return result{message: site.PublicURL, apply: func(r *run) error {
			rendered, err := renderSite(r.wish.Site, &site)
			if err != nil {
				return err
			}
			r.ledger(kindSite, kindSite, pb.LedgerEntry_PRESENT, rendered)
			if r.book.Stamp.Isolation = site.Isolation; !r.trial() {
				r.book.Stamp.Url = site.PublicURL
			}
			r.seen.Exists, r.seen.Unsound, r.forms = true, false, nil
			return nil
		}}
	}
}

func (r *run) makeSecrets() func(context.Context) result {
	lengths := map[string]int{}
	for name, spec := range r.recipe.Secrets() {
		lengths[name] = spec.Length
	}
	uid := r.tenant.GetUid()
	return func(ctx context.Context) result {
		versions, err := r.Vault.Make(ctx, r.id, uid, lengths, r.claim.Guard())
		if err != nil {
			return result{err: err}
		}
		values, err := r.Vault.Read(ctx, r.id, uid)
		return result{err: err, apply: func(r *run) error {
			maps.Copy(r.book.Stamp.SecretVersions, versions)
			r.vault = values
			return nil
		}}
	}
}
