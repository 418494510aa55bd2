package dev

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/deal"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/sample"
)

// buyers are who buys in the story: the first one, and the next where that
// one's copy was deleted, because a deal makes one copy, once.
var buyers = []string{"Acme Rockets", "Blue Harbor", "Cedar Mills", "Delta Foods", "Ember Tools"}

// sale is a deal that was won, and the tenant that it led to.
type sale struct {
	deal   deal.Deal
	tenant *registryv1.Tenant
	at     time.Time
	// before says that it was won in an earlier run.
	before bool
}

func (w *sale) id() string { return strings.TrimPrefix(w.tenant.GetName(), "tenants/") }

// win wins the deal of the first buyer whose copy is there or can be made.
func (s *session) win(ctx context.Context, product sample.Product, source deal.Config) (*sale, error) {
	for _, company := range buyers {
		won, err := s.sell(ctx, source, sample.Deal(product, company))
		if err != nil {
			return nil, err
		}
		gone := gone(won.tenant)
		if gone == "" {
			return won, nil
		}
		s.say("            %s %s, and a deal makes one copy, once: another deal is won", won.id(), gone)
	}
	return nil, &exit.Error{
		Code: exit.Failure, Message: "the copies of all customers of the story were deleted",
		Next: "win a deal with another name: " + program() + " source send --deal Globex",
	}
}

// sell sends one deal and reads what it led to.
func (s *session) sell(ctx context.Context, source deal.Config, sold deal.Deal) (*sale, error) {
	receipt, err := deal.Send(ctx, source, sold)
	if err != nil {
		return nil, fmt.Errorf("send the deal: %w", err)
	}
	won := &sale{deal: sold, at: time.Now().Add(-receipt.Took)}
	s.say("2 deal won  %q %s %s, %s → signed webhook stored, answered in %d ms",
		sold.Company, thousands(sold.Amount), sold.Currency, sold.ContactName, receipt.Took.Milliseconds())
	delivery, err := sample.Await(ctx, s.api, receipt.Delivery)
	if err != nil {
		return nil, err
	}
	if delivery.GetTenant() == "" {
		return nil, &exit.Error{
			Code:    exit.Failure,
			Message: strings.TrimSpace(fmt.Sprintf("the deal made no tenant: %s %s", delivery.GetOutcome(), delivery.GetReason())),
			Next:    "see it with: " + program() + " delivery get " + names.Short(delivery.GetName()),
		}
	}
	won.before = delivery.GetRepeats() > 0
	won.tenant, err = s.tenant(ctx, delivery.GetTenant())
	return won, err
}

// tenant reads one; one that was purged is there in name only.
func (s *session) tenant(ctx context.Context, name string) (*registryv1.Tenant, error) {
	t := &registryv1.Tenant{}
	err := s.api.Get(ctx, "/v1/"+name, nil, t)
	if problem := (*client.Problem)(nil); errors.As(err, &problem) && problem.Status == http.StatusNotFound {
		return &registryv1.Tenant{Name: name}, nil
	}
	return t, err
}

// gone says what became of a tenant that is not coming back.
func gone(t *registryv1.Tenant) string {
	switch {
	case t.GetUid() == "":
		return "was purged"
	case t.GetDeleteTime() != nil, t.GetState() == registryv1.Tenant_DELETING, t.GetState() == registryv1.Tenant_DELETED:
		return "was deleted"
	}
	return ""
}

// because is why a tenant is suspended, where somebody said it.
func because(t *registryv1.Tenant) string {
	if t.GetSuspendReason() == "" {
		return ""
	}
	return ": " + t.GetSuspendReason()
}
