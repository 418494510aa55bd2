package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/mapping"
	"stampworks.dev/services/tenant-registry/internal/mask"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/webhook"
)

// DefaultCreatesPerHour is the limit of a source that says none, maxCreatesPerHour
// the greatest.
const (
	DefaultCreatesPerHour = 10
	maxCreatesPerHour     = 1000
)

// mutable are the fields that a caller may set, beside the secret.
var mutable = mask.Fields{"kind", "mode", "display_name", "won", "mapping", "ignore_before", "max_creates_per_hour"}

// Create configures a CRM. The answer holds the secret once, when it was made
// here. ErrExists, ErrKeyReused, or violations of "source.…".
func (s *Sources) Create(ctx context.Context, id string, asked *registryv1.Source, requestID string) (*registryv1.Source, error) {
	if err := names.CheckID("source_id", id); err != nil {
		return nil, err
	}
	name := names.Source{ID: id}
	before, remember, err := s.remembered(ctx, name, asked, requestID)
	if err != nil || before != nil {
		return before, err
	}
	spec, _ := mutable.Copy(asked).(*registryv1.Source)
	spec.Name, spec.Uid, spec.CreateTime = name.String(), uuid.NewString(), timestamppb.New(time.Now())
	if spec.IgnoreBefore == nil { // events are often dated in whole seconds
		spec.IgnoreBefore = timestamppb.New(spec.CreateTime.AsTime().Truncate(time.Second))
	}
	if err := settle(spec); err != nil {
		return nil, err
	}
	secret, made, err := secretOf(asked)
	if err != nil {
		return nil, err
	}
	sealed, err := s.sealOp(ctx, name, keyring{Now: secret})
	if err != nil {
		return nil, err
	}
	conds := []store.Cond{store.Absent(s.sources.Key(id))}
	ops := []store.Op{s.sources.PutOp(id, spec), sealed}
	if requestID != "" {
		conds, ops = append(conds, remember.unused), append(ops, remember.op(made))
	}
	res, err := s.backend.Txn(ctx, conds, ops)
	if err != nil {
		return nil, fmt.Errorf("create source %q: %w", id, err)
	}
	if !res.Succeeded {
		if before, _, err := s.remembered(ctx, name, asked, requestID); err != nil || before != nil {
			return before, err
		}
		return nil, ErrExists.Naming("source", name.String())
	}
	item := store.Versioned[*registryv1.Source]{Value: spec, Key: s.sources.Key(id), ModRevision: res.Revision}
	return shown(s.whole(item, nil), secret, made), nil
}

// Update changes a source. A mask with "secret" and none given makes a new one,
// shown once in the answer. ErrNotFound, ErrEtag, or violations.
func (s *Sources) Update(ctx context.Context, name names.Source, asked *registryv1.Source, paths []string) (*registryv1.Source, error) {
	for {
		item, err := s.sources.Get(ctx, name.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil, ErrNotFound.Naming("source", name.String())
		}
		if err != nil {
			return nil, err
		}
		before := s.whole(item, nil)
		if asked.GetEtag() != "" && asked.GetEtag() != before.GetEtag() {
			return nil, ErrEtag.Naming("source", name.String()).With("etag", before.GetEtag())
		}
		next, _ := mutable.Copy(before).(*registryv1.Source)
		next.Name, next.Uid, next.CreateTime = before.GetName(), before.GetUid(), before.GetCreateTime()
		if err := mutable.Apply(next, asked, paths); err != nil {
			return nil, err
		}
		if next.GetKind() != before.GetKind() {
			return nil, errs.Invalid("FIELD_IMMUTABLE", errs.Violation{Field: "source.kind", Description: "cannot change"})
		}
		if err := settle(next); err != nil {
			return nil, err
		}
		rotate := slices.Contains(paths, "secret") || len(paths) == 0 && asked.GetSecret() != ""
		seen, err := s.Get(ctx, name) // with its last delivery
		if err != nil || !rotate && len(mutable.Changed(before, next)) == 0 {
			return seen, err
		}
		done, after, err := s.replace(ctx, name, item, next, asked, rotate)
		if after != nil {
			after.LastDelivery, after.LastDeliveryTime = seen.GetLastDelivery(), seen.GetLastDeliveryTime()
		}
		if err != nil || done {
			return after, err
		}
	}
}

func (s *Sources) replace(ctx context.Context, name names.Source, item store.Versioned[*registryv1.Source], next, asked *registryv1.Source, rotate bool) (bool, *registryv1.Source, error) {
	conds := []store.Cond{store.ModRevisionIs(item.Key, item.ModRevision)}
	ops := []store.Op{s.sources.PutOp(name.ID, next)} // also when only the secret changes: the etag does
	var secret string
	var made bool
	if rotate {
		var seal sealing
		var err error
		if secret, made, err = secretOf(asked); err != nil {
			return false, nil, err
		}
		if seal, err = s.renew(ctx, name, secret); err != nil {
			return false, nil, err
		}
		conds, ops = append(conds, seal.unchanged), append(ops, seal.op)
	}
	res, err := s.backend.Txn(ctx, conds, ops)
	if err != nil || !res.Succeeded {
		return false, nil, err
	}
	item.Value, item.ModRevision = next, res.Revision
	return true, shown(s.whole(item, nil), secret, made), nil
}

// sealing puts a secret in the place of what was there when that was read.
type sealing struct {
	unchanged store.Cond
	op        store.Op
}

// renew seals a new secret; the one before proves messages for a while. There is
// none when somebody removed what no key opens any more.
func (s *Sources) renew(ctx context.Context, name names.Source, secret string) (sealing, error) {
	if err := s.keys.MaySeal(ctx); err != nil { // says more than that the old one does not open
		return sealing{}, err
	}
	next, unchanged := keyring{Now: secret}, store.Absent(s.secretKey(name))
	switch ring, revision, err := s.keyring(ctx, name); {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return sealing{}, err
	default:
		next.Before, next.Until, unchanged = ring.Now, time.Now().Add(Overlap), store.ModRevisionIs(s.secretKey(name), revision)
	}
	op, err := s.sealOp(ctx, name, next)
	return sealing{unchanged, op}, err
}

// settle fills in defaults and checks.
func settle(spec *registryv1.Source) error {
	var wrong []errs.Violation
	if spec.GetKind() != registryv1.Source_STANDARD {
		wrong = append(wrong, errs.Violation{Field: "source.kind", Description: "must be STANDARD"})
	}
	if _, known := registryv1.Source_Mode_name[int32(spec.GetMode())]; !known {
		wrong = append(wrong, errs.Violation{Field: "source.mode", Description: "must be DRY_RUN, APPROVE or AUTO"})
	}
	if spec.GetMaxCreatesPerHour() > maxCreatesPerHour {
		wrong = append(wrong, errs.Violation{Field: "source.max_creates_per_hour", Description: fmt.Sprintf("must be at most %d", maxCreatesPerHour)})
	}
	if strings.ContainsFunc(spec.GetDisplayName(), names.Hidden) {
		wrong = append(wrong, errs.Violation{Field: "source.display_name", Description: "must not contain control characters, nor invisible ones"})
	}
	if _, err := mapping.Compile(spec); err != nil {
		e, ok := errs.As(err)
		if !ok {
			return err
		}
		wrong = append(wrong, e.Violations...)
	}
	if len(wrong) > 0 {
		return errs.Invalid("SOURCE_INVALID", wrong...)
	}
	spec.Mode = cmp.Or(spec.GetMode(), registryv1.Source_DRY_RUN)
	spec.MaxCreatesPerHour = cmp.Or(spec.GetMaxCreatesPerHour(), DefaultCreatesPerHour)
	if spec.IgnoreBefore == nil {
		spec.IgnoreBefore = timestamppb.New(spec.GetCreateTime().AsTime().Truncate(time.Second))
	}
	return nil
}

// secretOf is the secret given, or a new one.
func secretOf(asked *registryv1.Source) (text string, made bool, err error) {
	if asked.GetSecret() == "" {
		return webhook.NewSecret(), true, nil
	}
	_, err = webhook.ParseSecret("source.secret", asked.GetSecret())
	return asked.GetSecret(), false, err
}
