package dev

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/deal"
	"stampworks.dev/services/stamp/internal/progress"
	"stampworks.dev/services/stamp/internal/sample"
)

// company is who buys in the story.
const company = "Acme Rockets"

// healthyWithin is how long a copy may take to answer, and health to see all
// of it.
const healthyWithin = 30 * time.Second

// greet says where everything is, and what separates one customer from another.
func (s *session) greet(ctx context.Context) error {
	cell, err := sample.Cell(ctx, s.api)
	if err != nil {
		return err
	}
	s.say("Stampworks at %s · isolation: %s", s.url, isolation(cell.GetStatus().GetIsolation()))
	return nil
}

// isolation lists what there is, then what there is not.
func isolation(kinds map[string]string) string {
	var has, lacks []string
	for _, kind := range []string{"users", "files", "network", "cpu", "memory"} {
		if means := kinds[kind]; means == "" || means == "NONE" {
			lacks = append(lacks, kind)
		} else {
			has = append(has, kind)
		}
	}
	switch {
	case len(lacks) == 0:
		return strings.Join(has, ", ")
	case len(has) == 0:
		return "none (run as root for users, files, network, cpu and memory)"
	}
	return strings.Join(has, ", ") + " (not: " + strings.Join(lacks, ", ") + ")"
}

// story wins a deal and follows it to the customer's own running copy.
func (s *session) story(ctx context.Context, dir string) error {
	product, err := sample.Publish(ctx, s.api, sample.Options{Lite: s.opts.Lite})
	if err != nil {
		return err
	}
	published := "published"
	if product.Kept {
		published = "as it was published here before"
	}
	s.say("1 product   %s %s %s · %s", product.Blueprint, product.Revision, published, parts(product))
	source, err := sample.Source(ctx, s.api, dir)
	if err != nil {
		return err
	}
	sold := sample.Deal(product, company)
	receipt, err := deal.Send(ctx, source, sold)
	if err != nil {
		return fmt.Errorf("send the deal: %w", err)
	}
	won := time.Now().Add(-receipt.Took)
	s.say("2 deal won  %q %s %s, %s → signed webhook stored, answered in %d ms",
		sold.Company, thousands(sold.Amount), sold.Currency, sold.ContactName, receipt.Took.Milliseconds())
	delivery, err := sample.Await(ctx, s.api, receipt.Delivery)
	if err != nil {
		return err
	}
	if delivery.GetTenant() == "" {
		return fmt.Errorf("the deal made no tenant: %s %s", delivery.GetOutcome(), delivery.GetReason())
	}
	id := strings.TrimPrefix(delivery.GetTenant(), "tenants/")
	s.say("3 stamping  %s", id)
	last, err := s.follow(ctx, id)
	if err != nil {
		return err
	}
	if err := s.live(ctx, id, won, last, delivery.GetRepeats() > 0); err != nil {
		return err
	}
	s.suggest(id, breakable(product.Components))
	return nil
}

func parts(p sample.Product) string {
	names := slices.Clone(p.Components)
	for i, name := range names {
		if name == "db" {
			names[i] = "db (" + p.Database + ")"
		}
	}
	text := strings.Join(names, " ")
	if !slices.Contains(p.Components, "db") {
		text += " (" + p.Database + "; install PostgreSQL for a database server of each customer's own)"
	}
	return text
}

// follow shows the stamping until it ends.
func (s *session) follow(ctx context.Context, tenant string) (*typev1.OperationMetadata, error) {
	var t registryv1.Tenant
	if err := s.api.Get(ctx, "/v1/tenants/"+tenant, nil, &t); err != nil {
		return nil, err
	}
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
		return nil, fmt.Errorf("stamping %s failed: %s %s", tenant, failure.GetMessage(), failure.GetNextAction())
	}
	return last, nil
}

// live tells what the customer has now.
func (s *session) live(ctx context.Context, tenant string, won time.Time, last *typev1.OperationMetadata, before bool) error {
	if err := answers(ctx, last.GetUrl()); err != nil {
		return err
	}
	took := fmt.Sprintf("%.1f s from webhook to first good answer", time.Since(won).Seconds())
	if before {
		took = "this deal was won before: still one copy"
	}
	health, err := s.awaitHealthy(ctx, tenant)
	if err != nil {
		return err
	}
	s.say("4 live      %s; %s", took, health)
	s.say("  %-17s %-28s API  %s/docs", first(company)+"'s own copy", last.GetUrl(), s.url)
	s.say("  %-17s %-28s (%.8s…)", "trace", program()+" trace "+tenant, last.GetTraceId())
	var ready provisionerv1.EvaluateReadinessResponse
	ask := &provisionerv1.EvaluateReadinessRequest{Blueprint: "blueprints/" + blueprintOf(last.GetRevision()), Plan: last.GetPlan()}
	if err := s.api.Post(ctx, "/v1/readiness:evaluate", nil, ask, &ready); err != nil {
		return err
	}
	s.say("\"Can we take the next customer?\"  %s", ready.GetSentence())
	return nil
}

// suggest says what to try next.
func (s *session) suggest(tenant, component string) {
	s.say("In another terminal:  %-44s win another (send it twice: still one)", program()+" source send --deal Globex")
	s.say("                      %-44s only %s goes red, then heals", program()+" demo break "+tenant+" "+component, first(company))
}

// breakable is the component to kill: one that the customer cannot do without.
func breakable(components []string) string {
	if slices.Contains(components, "db") {
		return "db"
	}
	return "app"
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

// thousands writes 48000 as 48,000.
func thousands(amount float64) string {
	text := fmt.Sprintf("%.0f", amount)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func first(name string) string { return strings.Fields(name)[0] }

// blueprintOf takes "helpdesk" out of "blueprints/helpdesk/revisions/1.0.0".
func blueprintOf(revision string) string {
	if parts := strings.Split(revision, "/"); len(parts) > 1 {
		return parts[1]
	}
	return revision
}

// program is how this one was called, for commands to copy.
func program() string {
	if name := os.Args[0]; !filepath.IsAbs(name) {
		return name
	}
	return filepath.Base(os.Args[0])
}
