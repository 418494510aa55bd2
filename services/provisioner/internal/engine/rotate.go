package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/render"
	"stampworks.dev/services/provisioner/internal/secrets"
)

// Ids of the steps around a rotation. Like those of jobs, their end is noted in
// the record's jobs_done.
const (
	renewID  = "secrets.renew"  // makes the new version, beside the one in use
	useID    = "secrets.use"    // from here on it is the one that is rendered
	retireID = "secrets.retire" // forgets the other one
)

// RotateWish is a version of a secret that is to be in place.
type RotateWish struct {
	// Key says who asked; a rotation is done once for each.
	Key    string
	Secret string
	// Version is chosen when the first step begins; 0 before.
	Version int32
	// Job is the component whose migrate job installs a value; empty when what
	// uses it need only be restarted.
	Job string
}

// rotateErrand is the kind of a rotation that a person asked for. When it failed,
// the version of before is put back in the same way.
type rotateErrand struct{ work *pb.Errand_RotateSecret }

func (k rotateErrand) traits() traits {
	s := k.work.GetSecret()
	return traits{
		errand: true, code: typev1.Failure_ROTATION_FAILED, binding: true,
		asked: "A new value of the secret " + s + " was asked for", succeeded: "The secret " + s + " has a new value",
	}
}

func (k rotateErrand) wish(_ context.Context, r *run) error {
	w := &RotateWish{Key: r.book.Op.GetName(), Secret: k.work.GetSecret(), Version: k.work.GetVersion()}
	if k.work.GetFailure() != nil {
		w.Key, w.Version = undoOf(w.Key), k.work.GetBefore()
	}
	way := r.recipe.Message().GetSecrets()[k.work.GetSecret()].GetRotate()
	if component, job := strings.CutSuffix(way, "."+string(Migrate)); job {
		w.Job = component
	}
	r.wish.Rotate = w
	return nil
}

// unfit says that the secret cannot be rotated.
func (k rotateErrand) unfit(r *run) error {
	secret := k.work.GetSecret()
	if r.recipe.Message().GetSecrets()[secret].GetRotate() != "" && r.book.Stamp.GetSecretVersions()[secret] > 0 {
		return nil
	}
	return failure.New(typev1.Failure_ROTATION_FAILED, "", fmt.Sprintf("%s names no way to rotate the secret %s.", short(r.tenant.GetBlueprint()), secret))
}

func (k rotateErrand) turnedBy(*run) *typev1.Failure { return k.work.GetFailure() }

// inVain says so when the value of before could not be put back either.
func (k rotateErrand) inVain(r *run, f *typev1.Failure) *typev1.Failure {
	why, key := k.work.GetFailure(), undoOf(r.book.Op.GetName())
	if why == nil || ended(r.book.Stamp, useID, key) {
		return f
	}
	said := fmt.Sprintf("%s The value of before was NOT put back: %s", why.GetMessage(), f.GetMessage())
	worse := failure.New(typev1.Failure_ROTATION_FAILED, f.GetComponent(), said, f.GetEvidence()...).Failure
	worse.NextAction = "Read the job's last lines, correct the blueprint's way to rotate, then rotate the secret again: what uses it may have another value than the one in place."
	r.obstruct(&typev1.Obstacle{Code: worse.GetCode().String(), Message: said, NextAction: worse.GetNextAction()})
	return worse
}

func (k rotateErrand) turn(r *run, why *typev1.Failure) bool {
	if k.work.GetFailure() != nil || !ended(r.book.Stamp, renewID, r.book.Op.GetName()) {
		return false
	}
	k.work.Failure = why
	return true
}

// rotate plans to make a new value, to install it, and to use it from then on.
// What uses it differs from its ledger entry then, by the version, and is
// restarted like anything that changed.
func (p *steps) rotate(w Wish, have *Stamp) {
	if w.Rotate == nil {
		return
	}
	key, after := w.Rotate.Key, []string{reserveID, secretsID}
	if !ended(have, renewID, key) {
		p.add("", Rotate, renewID, after...)
	}
	after = append(after, renewID)
	if c := w.Rotate.Job; c != "" {
		part, _ := w.part(c)
		for _, d := range part.DependsOn {
			after = append(after, w.served(d)...)
		}
		if !ended(have, id(c, Rotate), key) {
			p.add(c, Rotate, id(c, Rotate), after...)
		}
		after = append(after, id(c, Rotate))
	}
	if !ended(have, useID, key) {
		p.add("", Rotate, useID, after...)
	}
}

// retireOld plans to forget the version that nothing uses any more, last.
func (p *steps) retireOld(w Wish, have *Stamp) {
	if w.Rotate != nil && !ended(have, retireID, w.Rotate.Key) {
		p.add("", Rotate, retireID, p.ids()...)
	}
}

// chooseVersion notes the version of a rotation before it is made, so that a
// crash does not make a second one.
func (r *run) chooseVersion() {
	e, w := r.errand().GetRotateSecret(), r.wish.Rotate
	if e.GetVersion() == 0 {
		e.Before, e.Version = r.book.Stamp.GetSecretVersions()[e.GetSecret()], secrets.Next(r.vault, e.GetSecret())
		w.Version = e.GetVersion()
	}
}

// changeSecret carries out a step of a rotation.
func (r *run) changeSecret(s Step) func(context.Context) result {
	w, tenant, uid, guard := *r.wish.Rotate, r.id, r.tenant.GetUid(), r.claim.Guard()
	switch s.ID {
	case renewID:
		length := r.recipe.Secrets()[w.Secret].Length
		return r.inVault(s.ID, w.Key, func(ctx context.Context) error {
			return r.Vault.Renew(ctx, tenant, uid, w.Secret, w.Version, length, guard)
		})
	case useID:
		use := r.inVault(s.ID, w.Key, func(ctx context.Context) error {
			return r.Vault.Use(ctx, tenant, uid, w.Secret, w.Version, guard)
		})
		return func(ctx context.Context) result {
			res := use(ctx)
			noted := res.apply
			res.apply = func(r *run) error {
				r.book.Stamp.SecretVersions[w.Secret], r.forms = w.Version, nil
				r.rotated()
				return noted(r)
			}
			return res
		}
	case retireID:
		return r.inVault(s.ID, w.Key, func(ctx context.Context) error {
			return r.Vault.Retire(ctx, tenant, uid, w.Secret, guard)
		})
	}
	return r.install(s)
}

// rotated forgets that an earlier value could not be put back.
func (r *run) rotated() {
	s := r.book.Stamp
	s.Obstacles = slices.DeleteFunc(s.GetObstacles(), func(o *typev1.Obstacle) bool {
		return o.GetCode() == typev1.Failure_ROTATION_FAILED.String()
	})
}

// inVault changes the vault once for each key, and takes over what is in it then.
func (r *run) inVault(stepID, key string, change func(context.Context) error) func(context.Context) result {
	tenant, uid := r.id, r.tenant.GetUid()
	return func(ctx context.Context) result {
		if err := change(ctx); err != nil {
			return result{err: err}
		}
		values, err := r.Vault.Read(ctx, tenant, uid)
		return result{err: err, apply: func(r *run) error {
			r.book.Stamp.JobsDone[stepID], r.vault = key, values
			return nil
		}}
	}
}

// install runs the job that puts a value in place, with that value.
func (r *run) install(s Step) func(context.Context) result {
	w := r.wish.Rotate
	in := r.input
	in.Secrets = maps.Clone(r.vault)
	value, ok := secrets.Of(r.vault, w.Secret, w.Version)
	if !ok {
		err := fmt.Errorf("version %d of secret %q is not there", w.Version, w.Secret)
		return func(context.Context) result { return result{err: err} }
	}
	in.Secrets[w.Secret] = value
	forms, err := render.Render(in)
	if err != nil {
		return func(context.Context) result { return result{err: err} }
	}
	m, ref, uniqueID := r.recoverable(render.Manifest(in, forms.Real, r.Telemetry), r.vault, r.book.Stamp), r.ref(), r.jobID(s)
	spec := forms.Real.Components[s.Component].Migrate
	return func(ctx context.Context) result {
		return r.runJob(ctx, ref, m, uniqueID, s, spec, typev1.Failure_ROTATION_FAILED, w.Key)
	}
}
