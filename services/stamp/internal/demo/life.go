package demo

import (
	"context"
	"fmt"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// suspendAndResume stops one copy for a while.
func (r *run) suspendAndResume(ctx context.Context) (string, error) {
	s := r.stamps[1]
	if err := r.change(ctx, s.tenant, "suspend"); err != nil {
		return "", err
	}
	if err := s.seesItsTicket(ctx); err == nil {
		return "", fmt.Errorf("%s still serves while suspended", s.display)
	}
	if err := r.change(ctx, s.tenant, "resume"); err != nil {
		return "", err
	}
	if err := within(ctx, healWithin, s.display+" serves again", s.seesItsTicket); err != nil {
		return "", err
	}
	r.result.SuspendKeepsData = true
	return s.display + " refused connections while suspended, and has its ticket again", nil
}

// killControlPlane kills etcd and all services at once, asks the customers'
// copies, and starts it again on the same data.
func (r *run) killControlPlane(ctx context.Context) (string, error) {
	r.plane.kill()
	for _, s := range r.stamps {
		if err := s.seesItsTicket(ctx); err != nil {
			return "", fmt.Errorf("without control plane: %w", err)
		}
	}
	r.result.ServesWithoutControlPlane = true
	if err := r.plane.start(ctx); err != nil {
		return "", err
	}
	r.api = r.plane.client
	err := within(ctx, stampWithin, "all tenants are ACTIVE again", func(ctx context.Context) error {
		for _, s := range r.stamps {
			var t registryv1.Tenant
			if err := r.api.Get(ctx, "/v1/tenants/"+s.tenant, nil, &t); err != nil {
				return err
			}
			if t.GetState() != registryv1.Tenant_ACTIVE {
				return fmt.Errorf("%s is %s", s.tenant, t.GetState())
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("kill -9 of etcd and all services: %d of %d customers served; started again, all ACTIVE", len(r.stamps), len(r.stamps)), nil
}
