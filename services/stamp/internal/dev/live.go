package dev

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/progress"
)

// healthyWithin is how long a copy may take to answer, and health to see all
// of it.
const healthyWithin = 30 * time.Second

// follow shows the stamping until it ends.
func (s *session) follow(ctx context.Context, t *registryv1.Tenant) (*typev1.OperationMetadata, error) {
	tenant := strings.TrimPrefix(t.GetName(), "tenants/")
	operation := fmt.Sprintf("operations/%s.%d", tenant, t.GetGeneration())
	last, err := progress.Watch(ctx, s.api, operation, s.opts.Out, s.opts.Terminal)
	if err != nil {
		return nil, err
	}
	if !s.opts.Terminal { // the lines of its steps are above; this is the picture of them
		for _, line := range progress.Lines(last, time.Now()) {
			s.say("  %s", line)
		}
	}
	if failure := last.GetFailure(); last.GetState() != typev1.OperationMetadata_SUCCEEDED && failure != nil {
		return nil, &exit.Error{
			Code: exit.OperationFailed, Message: fmt.Sprintf("stamping %s failed: %s", tenant, failure.GetMessage()), Next: failure.GetNextAction(),
		}
	}
	return last, nil
}

// live tells what the customer has now.
func (s *session) live(ctx context.Context, won *sale, last *typev1.OperationMetadata) error {
	tenant, address := won.id(), cmp.Or(last.GetUrl(), won.tenant.GetStatus().GetUrl())
	if err := answers(ctx, address); err != nil {
		return &exit.Error{Code: exit.Failure, Message: err.Error(), Next: "see why with: " + program() + " show " + tenant}
	}
	took := fmt.Sprintf("%.1f s from webhook to first good answer", time.Since(won.at).Seconds())
	if won.before {
		took = "this deal was won before: still one copy"
	}
	health, err := s.awaitHealthy(ctx, tenant)
	if err != nil {
		return err
	}
	s.say("4 live      %s; %s", took, health)
	s.say("  %-17s %-28s API  %s/docs", first(won.deal.Company)+"'s own copy", address, s.url)
	s.say("  %-17s %-28s (%.8s…)", "trace", program()+" trace "+tenant, last.GetTraceId())
	var ready provisionerv1.EvaluateReadinessResponse
	ask := &provisionerv1.EvaluateReadinessRequest{Blueprint: "blueprints/" + blueprintOf(last.GetRevision()), Plan: last.GetPlan()}
	if err := s.api.Post(ctx, "/v1/readiness:evaluate", nil, ask, &ready); err != nil {
		return err
	}
	s.say("\"Can we take the next customer?\"  %s", ready.GetSentence())
	return nil
}

// answers waits for a good answer at the customer's own address. The stamping
// saw one already, unless it was long ago and the copy was stopped since.
func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, healthyWithin)
	defer cancel()
	for {
		status := ask(ctx, url)
		if status == "200" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("call the copy at %s: %s: %w", url, status, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// awaitHealthy waits until every part is seen to serve, for a while, and says
// how many are.
func (s *session) awaitHealthy(ctx context.Context, tenant string) (string, error) {
	deadline := time.Now().Add(healthyWithin)
	for {
		var h healthv1.TenantHealth
		err := s.api.Get(ctx, "/v1/tenants/"+tenant+"/health", nil, &h)
		good := 0
		for _, c := range h.GetComponents() {
			if c.GetState() == typev1.HealthState_HEALTHY {
				good++
			}
		}
		if (err == nil && h.GetState() == typev1.HealthState_HEALTHY) || time.Now().After(deadline) {
			return fmt.Sprintf("%s %d/%d", h.GetState(), good, len(h.GetComponents())), nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
