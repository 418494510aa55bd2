package tenant

import (
	"context"
	"regexp"
	"strings"
	"unicode"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// longestTold bounds what others write into a timeline.
const longestTold = 1000

// toldAction is what others may tell of: what was done to a stamp, never what
// became of the tenant.
var toldAction = regexp.MustCompile(`^(backup|restore|rotate|repair|task)\.[a-z_]+$`)

// Tell puts into a tenant's timeline what was asked of its stamp, or what came of
// it. The same again is fine. ErrNotFound, ErrUID, or violations of its fields.
func (t *Tenants) Tell(ctx context.Context, name names.Tenant, uid, operation string, entry *registryv1.TimelineEntry) error {
	if wrong := checkTold(entry); len(wrong) > 0 {
		return errs.Invalid("EVENT_INVALID", wrong...)
	}
	for {
		v, err := t.Get(ctx, name)
		if err != nil {
			return err
		}
		if v.Spec().GetUid() != uid {
			return ErrUID.With("tenant", name.String()).With("uid", uid)
		}
		done, err := t.commit(ctx, name, []store.Cond{store.CreateRevisionIs(v.spec.Key, v.spec.CreateRevision)},
			[]store.Op{t.timeline.ToldOp(name, operation, entry)})
		if err != nil || done {
			return err
		}
	}
}

func checkTold(e *registryv1.TimelineEntry) []errs.Violation {
	wrong := append(checkLine("entry.principal", e.GetPrincipal()), checkLine("entry.message", strings.Map(oneLine, e.GetMessage()))...)
	if !toldAction.MatchString(e.GetAction()) {
		wrong = append(wrong, errs.Violation{Field: "entry.action", Description: "must be what was done to a stamp, such as task.asked"})
	}
	if len(e.GetMessage()) > longestTold {
		wrong = append(wrong, errs.Violation{Field: "entry.message", Description: "is too long"})
	}
	if e.GetCreateTime() == nil || e.GetCreateTime().CheckValid() != nil {
		wrong = append(wrong, errs.Violation{Field: "entry.create_time", Description: "is required: when it was"})
	}
	return wrong
}

// oneLine lets a message have more than one line. It may quote what a person or a
// program wrote: what is invisible there is left out, rather than the message.
func oneLine(r rune) rune {
	if r == '\n' || r == '\t' {
		return ' '
	}
	if unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}
