package tenant

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

// longestHold keeps a hold from being forgotten.
const longestHold = 366 * 24 * time.Hour

// Hold freezes a tenant until it is lifted or expires. What is there already
// changes nothing; another one of the same owner takes its place, and with replace
// that of anybody. ErrNotFound, ErrEtag, TENANT_HELD, or violations of its fields.
func (t *Tenants) Hold(ctx context.Context, name names.Tenant, etag string, hold *registryv1.Hold, replace bool) (Change, error) {
	now := time.Now()
	if wrong := checkHold(hold, now); len(wrong) > 0 {
		return Change{}, errs.Invalid("HOLD_INVALID", wrong...)
	}
	return t.mutate(ctx, name, etag, false, func(v View, next *registryv1.Tenant) (edit, error) {
		next.Hold = &registryv1.Hold{Owner: hold.GetOwner(), Reason: hold.GetReason(), CreateTime: timestamppb.New(now), ExpireTime: hold.GetExpireTime()}
		if was := v.Spec().GetHold(); was != nil {
			same, _ := proto.Clone(next.GetHold()).(*registryv1.Hold)
			same.CreateTime = was.GetCreateTime()
			if proto.Equal(same, was) {
				return edit{nothing: true}, nil
			}
			if !replace && was.GetOwner() != hold.GetOwner() && was.GetExpireTime().AsTime().After(now) {
				return edit{}, heldBy(name, was)
			}
		}
		return edit{quiet: true, entry: timeline.Entry{Action: timeline.Held,
			Message: fmt.Sprintf("Held by %s until %s: %s", hold.GetOwner(), hold.GetExpireTime().AsTime().Format(time.RFC3339), hold.GetReason())}}, nil
	})
}

// heldBy refuses to put another's hold aside unsaid.
func heldBy(name names.Tenant, was *registryv1.Hold) error {
	return errs.New(errs.FailedPrecondition, "TENANT_HELD", "%s is held by %q until %s (%s): ask there, or send replace (--replace) to take its place",
		name, was.GetOwner(), was.GetExpireTime().AsTime().Format(time.RFC3339), was.GetReason()).
		With("tenant", name.String()).With("owner", was.GetOwner())
}

// Unhold lifts a hold; of a tenant without one nothing changes.
func (t *Tenants) Unhold(ctx context.Context, name names.Tenant, etag string) (Change, error) {
	return t.mutate(ctx, name, etag, false, func(v View, next *registryv1.Tenant) (edit, error) {
		next.Hold = nil
		return edit{nothing: v.Spec().GetHold() == nil, quiet: true,
			entry: timeline.Entry{Action: timeline.Unheld, Message: "Hold of " + v.Spec().GetHold().GetOwner() + " lifted"}}, nil
	})
}

// checkHold says what a hold lacks.
func checkHold(hold *registryv1.Hold, now time.Time) []errs.Violation {
	wrong := append(checkLine("owner", hold.GetOwner()), checkLine("reason", hold.GetReason())...)
	why := checkExpiry(hold.GetExpireTime(), now)
	if why == "" && hold.GetExpireTime().AsTime().After(now.Add(longestHold)) {
		why = "must be at most 366 days ahead"
	}
	if why != "" {
		wrong = append(wrong, errs.Violation{Field: "expire_time", Description: why})
	}
	return wrong
}

// checkLine refuses what is no text for people.
func checkLine(field, text string) []errs.Violation {
	if strings.TrimSpace(text) == "" {
		return []errs.Violation{{Field: field, Description: "is required"}}
	}
	return checkShown(field, text)
}

// checkShown refuses what people would not see as it is.
func checkShown(field, text string) []errs.Violation {
	if strings.ContainsFunc(text, names.Hidden) {
		return []errs.Violation{{Field: field, Description: "must not contain control characters, nor invisible ones"}}
	}
	return nil
}

// checkReason is the same of a reason that need not be given.
func checkReason(text string) error {
	if wrong := checkShown("reason", text); len(wrong) > 0 {
		return errs.Invalid(ReasonInvalid, wrong...)
	}
	return nil
}

// checkExpiry says what is wrong with when something ends.
func checkExpiry(at *timestamppb.Timestamp, now time.Time) string {
	switch {
	case at == nil:
		return "is required: when it ends by itself"
	case at.CheckValid() != nil:
		return "is no time"
	case !at.AsTime().After(now):
		return "must be in the future"
	}
	return ""
}
