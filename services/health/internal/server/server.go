// Package server answers the health API.
package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/pkg/errs"
)

// Source gives health: the monitor where it asks, else what it wrote.
type Source interface {
	// Health gives one tenant's, or nil when it is not watched.
	Health(ctx context.Context, tenant string) (*healthv1.TenantHealth, error)
	// All gives every tenant's, by id.
	All(ctx context.Context) ([]*healthv1.TenantHealth, error)
}

// Server answers health.v1.HealthService.
type Server struct {
	healthv1.UnimplementedHealthServiceServer

	source Source
}

// New makes a server over a source.
func New(source Source) *Server { return &Server{source: source} }

// GetTenantHealth reads one tenant's health.
func (s *Server) GetTenantHealth(ctx context.Context, req *healthv1.GetTenantHealthRequest) (*healthv1.TenantHealth, error) {
	id, err := tenantID(req.GetName())
	if err != nil {
		return nil, err
	}
	h, err := s.source.Health(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read health of %q: %w", id, err)
	}
	if h == nil {
		return nil, errs.New(errs.NotFound, "HEALTH_NOT_FOUND",
			"tenant %q has no stamp to watch: it does not exist, or has not been placed yet", id)
	}
	return h, nil
}

// GetFleetHealth reads the health of all tenants.
func (s *Server) GetFleetHealth(ctx context.Context, _ *healthv1.GetFleetHealthRequest) (*healthv1.FleetHealth, error) {
	all, err := s.source.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read health of the fleet: %w", err)
	}
	return fleet(all, time.Now()), nil
}

// tenantID takes the id out of "tenants/acme/health".
func tenantID(name string) (string, error) {
	id, isTenant := strings.CutPrefix(name, "tenants/")
	id, isHealth := strings.CutSuffix(id, "/health")
	if !isTenant || !isHealth || id == "" || strings.Contains(id, "/") {
		return "", errs.Invalid("NAME_INVALID", errs.Violation{
			Field: "name", Description: fmt.Sprintf("%q is not of the form tenants/{tenant}/health", name),
		})
	}
	return id, nil
}

// worstFirst orders the states of trouble.
var worstFirst = []typev1.HealthState{
	typev1.HealthState_UNHEALTHY, typev1.HealthState_DEGRADED, typev1.HealthState_UNKNOWN,
}
