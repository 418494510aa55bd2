package gateway

import (
	"context"
	"sync"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/timestamppb"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
)

// call is what a service saw of one.
type call struct {
	principal rpc.Principal
	trace     trace.SpanContext
	metadata  metadata.MD
	request   any
}

// calls are those that came, the last one at the end.
type calls struct {
	mu   sync.Mutex
	list []call
}

func (c *calls) note(ctx context.Context, request any) {
	who, _ := rpc.PrincipalFrom(ctx)
	md, _ := metadata.FromIncomingContext(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, call{who, trace.SpanContextFromContext(ctx), md, request})
}

func (c *calls) all() []call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]call(nil), c.list...)
}

func (c *calls) last() call {
	all := c.all()
	if len(all) == 0 {
		return call{}
	}
	return all[len(all)-1]
}

// registry is a registry of one tenant, acme with etag 7.
type registry struct {
	registryv1.UnimplementedTenantServiceServer
	registryv1.UnimplementedIntakeServiceServer
	calls

	watch   func(*registryv1.WatchTenantsRequest, grpc.ServerStreamingServer[registryv1.WatchTenantsResponse]) error
	receive func(context.Context, *registryv1.ReceiveDeliveryRequest) (*registryv1.ReceiveDeliveryResponse, error)
	list    func() (*registryv1.ListTenantsResponse, error)
}

func acme() *registryv1.Tenant {
	return &registryv1.Tenant{
		Name: "tenants/acme", Etag: "7", DisplayName: "Acme Rockets", State: registryv1.Tenant_ACTIVE,
		Blueprint: "blueprints/helpdesk/revisions/1.0.0", CreateTime: timestamppb.Now(),
		Status: &registryv1.TenantStatus{Url: "http://127.0.0.1:20001", Cell: "cells/local", Revision: "blueprints/helpdesk/revisions/1.0.0"},
	}
}

func (r *registry) GetTenant(ctx context.Context, req *registryv1.GetTenantRequest) (*registryv1.Tenant, error) {
	r.note(ctx, req)
	switch req.GetName() {
	case "tenants/acme":
		return acme(), nil
	case "tenants/slow":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return nil, errs.New(errs.NotFound, "TENANT_NOT_FOUND", "no tenant %q", req.GetName()).With("tenant", req.GetName())
}

func (r *registry) ListTenants(ctx context.Context, req *registryv1.ListTenantsRequest) (*registryv1.ListTenantsResponse, error) {
	r.note(ctx, req)
	if r.list != nil {
		return r.list()
	}
	return &registryv1.ListTenantsResponse{Tenants: []*registryv1.Tenant{acme()}, NextPageToken: "more", TotalSize: 2}, nil
}

func (r *registry) CreateTenant(ctx context.Context, req *registryv1.CreateTenantRequest) (*longrunningpb.Operation, error) {
	r.note(ctx, req)
	return &longrunningpb.Operation{Name: "operations/" + req.GetTenantId() + ".1"}, nil
}

func (r *registry) UpdateTenant(ctx context.Context, req *registryv1.UpdateTenantRequest) (*longrunningpb.Operation, error) {
	r.note(ctx, req)
	if tag := req.GetTenant().GetEtag(); tag != "" && tag != "7" {
		return nil, errs.New(errs.Conflict, "ETAG_MISMATCH", "tenant was changed meanwhile: read it again")
	}
	return &longrunningpb.Operation{Name: "operations/acme.2", Done: true}, nil
}

func (r *registry) WatchTenants(req *registryv1.WatchTenantsRequest, s grpc.ServerStreamingServer[registryv1.WatchTenantsResponse]) error {
	r.note(s.Context(), req)
	return r.watch(req, s)
}

func (r *registry) ReceiveDelivery(ctx context.Context, req *registryv1.ReceiveDeliveryRequest) (*registryv1.ReceiveDeliveryResponse, error) {
	r.note(ctx, req)
	return r.receive(ctx, req)
}

// fleetHealth is a health service that knows of acme.
type fleetHealth struct {
	healthv1.UnimplementedHealthServiceServer
	mu     sync.Mutex
	health *healthv1.FleetHealth
}

func (f *fleetHealth) set(h *healthv1.FleetHealth) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.health = h
}

func (f *fleetHealth) GetFleetHealth(context.Context, *healthv1.GetFleetHealthRequest) (*healthv1.FleetHealth, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.health, nil
}
