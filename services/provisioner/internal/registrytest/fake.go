// Package registrytest is a small registry for tests: tenants, revisions and
// cells in memory, over real gRPC, with the rules of reports.
package registrytest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// Registry is the fake. It is safe for concurrent use.
type Registry struct {
	registryv1.UnimplementedTenantServiceServer
	registryv1.UnimplementedBlueprintServiceServer
	registryv1.UnimplementedCellServiceServer
	registryv1.UnimplementedReportServiceServer

	mu        sync.Mutex
	revision  int64
	tenants   map[string]*registryv1.Tenant
	events    []*registryv1.WatchTenantsResponse
	changed   chan struct{}
	revisions map[string]*registryv1.Revision
	cordoned  map[string]bool
	purged    map[string]bool
	receipts  map[string]*registryv1.Receipt
	refused   int
	reports   int
	timeline  map[string]map[string]*registryv1.TimelineEntry
}

// New makes an empty one.
func New() *Registry {
	return &Registry{
		tenants: map[string]*registryv1.Tenant{}, changed: make(chan struct{}), revisions: map[string]*registryv1.Revision{},
		timeline: map[string]map[string]*registryv1.TimelineEntry{},
		cordoned: map[string]bool{}, purged: map[string]bool{}, receipts: map[string]*registryv1.Receipt{},
	}
}

// Register puts the fake on a server.
func (r *Registry) Register(to grpc.ServiceRegistrar) {
	registryv1.RegisterTenantServiceServer(to, r)
	registryv1.RegisterBlueprintServiceServer(to, r)
	registryv1.RegisterCellServiceServer(to, r)
	registryv1.RegisterReportServiceServer(to, r)
}

// Publish adds a revision and gives its name.
func (r *Registry) Publish(t testing.TB, source string) string {
	t.Helper()
	recipe, err := blueprint.Parse("test.yaml", []byte(source))
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	name := fmt.Sprintf("blueprints/%s/revisions/%s", recipe.Name(), recipe.Revision())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revisions[name] = &registryv1.Revision{Name: name, Source: source, Recipe: recipe.Message(), Digest: recipe.Digest()}
	return name
}

// Wish changes a tenant, or makes it, as a new generation.
func (r *Registry) Wish(id string, change func(*registryv1.Tenant)) *registryv1.Tenant {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &registryv1.Tenant{Name: "tenants/" + id, Uid: "uid-" + id, DisplayName: id, CreateTime: timestamppb.Now()}
	if old := r.tenants[id]; old != nil {
		t = proto.CloneOf(old)
	}
	change(t)
	t.Generation++
	t.GenerationTime = timestamppb.Now()
	r.put(id, t)
	return proto.CloneOf(t)
}

// Quietly changes a tenant without a new generation.
func (r *Registry) Quietly(id string, change func(*registryv1.Tenant)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := proto.CloneOf(r.tenants[id])
	change(t)
	r.put(id, t)
}

// Receipt is what the report of a tenant's purge said.
func (r *Registry) Receipt(id string) *registryv1.Receipt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.receipts[id]
}

func (r *Registry) put(id string, t *registryv1.Tenant) {
	r.tenants[id] = t
	r.event(&registryv1.WatchTenantsResponse{Type: registryv1.WatchTenantsResponse_PUT, Tenant: t})
}

func (r *Registry) event(ev *registryv1.WatchTenantsResponse) {
	r.revision++
	ev.Revision = r.revision
	r.events = append(r.events, ev)
	close(r.changed)
	r.changed = make(chan struct{})
}

// Tenant gives a tenant, nil when it is gone.
func (r *Registry) Tenant(id string) *registryv1.Tenant {
	r.mu.Lock()
	defer r.mu.Unlock()
	return proto.CloneOf(r.tenants[id])
}

// Purged says whether the end of a tenant was reported.
func (r *Registry) Purged(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.purged[id]
}

// Reports counts those accepted and refused.
func (r *Registry) Reports() (accepted, refused int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reports, r.refused
}

// Cordon keeps new tenants off a cell, or lets them in again.
func (r *Registry) Cordon(cell string, cordoned bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cordoned[cell] = cordoned
}

// GetTenant reads one.
func (r *Registry) GetTenant(_ context.Context, req *registryv1.GetTenantRequest) (*registryv1.Tenant, error) {
	if t := r.Tenant(req.GetName()[len("tenants/"):]); t != nil {
		return t, nil
	}
	return nil, errs.New(errs.NotFound, "TENANT_NOT_FOUND", "no %s", req.GetName())
}

// WatchTenants sends all, "synced", then every change.
func (r *Registry) WatchTenants(req *registryv1.WatchTenantsRequest, to grpc.ServerStreamingServer[registryv1.WatchTenantsResponse]) error {
	r.mu.Lock()
	at := int(req.GetAfterRevision())
	var first []*registryv1.WatchTenantsResponse
	if at == 0 {
		at = len(r.events)
		for _, t := range r.tenants {
			first = append(first, &registryv1.WatchTenantsResponse{Type: registryv1.WatchTenantsResponse_PUT, Tenant: t, Revision: r.revision})
		}
	}
	first = append(first, &registryv1.WatchTenantsResponse{Type: registryv1.WatchTenantsResponse_SYNCED, Revision: r.revision})
	r.mu.Unlock()
	for _, ev := range first {
		if err := to.Send(ev); err != nil {
			return err
		}
	}
	for {
		r.mu.Lock()
		next, changed := r.events[at:], r.changed
		r.mu.Unlock()
		for _, ev := range next {
			if err := to.Send(ev); err != nil {
				return err
			}
		}
		at += len(next)
		if len(next) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-to.Context().Done():
			return to.Context().Err()
		}
	}
}

// GetRevision reads one.
func (r *Registry) GetRevision(_ context.Context, req *registryv1.GetRevisionRequest) (*registryv1.Revision, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rev := r.revisions[req.GetName()]; rev != nil {
		return rev, nil
	}
	return nil, errs.New(errs.NotFound, "REVISION_NOT_FOUND", "no %s", req.GetName())
}

// ListRevisions reads all, in no order.
func (r *Registry) ListRevisions(context.Context, *registryv1.ListRevisionsRequest) (*registryv1.ListRevisionsResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	res := &registryv1.ListRevisionsResponse{}
	for _, rev := range r.revisions {
		res.Revisions = append(res.Revisions, rev)
	}
	return res, nil
}

// ListCells reads those that were ever cordoned: the others need no entry.
func (r *Registry) ListCells(context.Context, *registryv1.ListCellsRequest) (*registryv1.ListCellsResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	res := &registryv1.ListCellsResponse{}
	for name, cordoned := range r.cordoned {
		res.Cells = append(res.Cells, &registryv1.Cell{Name: "cells/" + name, Cordoned: cordoned})
	}
	return res, nil
}

// ReportStatus accepts only what is not older than what it has.
func (r *Registry) ReportStatus(_ context.Context, req *registryv1.ReportStatusRequest) (*registryv1.ReportStatusResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id, st := req.GetName()[len("tenants/"):], req.GetStatus()
	t := r.tenants[id]
	if t.GetUid() != req.GetUid() {
		r.refused++
		return nil, errs.New(errs.NotFound, "TENANT_NOT_FOUND", "no %s", req.GetName())
	}
	if stale(st, t.GetStatus()) {
		r.refused++
		return nil, errs.New(errs.Conflict, "STALE_REPORT", "older than what is known")
	}
	r.reports++
	if st.GetPhase() == registryv1.TenantStatus_PURGED {
		r.purged[id], r.receipts[id] = true, req.GetStatus().GetReceipt()
		delete(r.tenants, id)
		r.event(&registryv1.WatchTenantsResponse{Type: registryv1.WatchTenantsResponse_REMOVED, Tenant: &registryv1.Tenant{Name: t.GetName()}})
		return &registryv1.ReportStatusResponse{}, nil
	}
	t = proto.CloneOf(t)
	t.Status = st
	r.put(id, t)
	return &registryv1.ReportStatusResponse{Generation: t.GetGeneration()}, nil
}

// stale is the registry's own rule.
func stale(st, old *registryv1.TenantStatus) bool {
	switch {
	case old == nil:
		return false
	case st.GetObservedGeneration() < old.GetObservedGeneration():
		return true
	case st.GetToken() != old.GetToken():
		return st.GetToken() < old.GetToken()
	case st.GetStampRevision() != old.GetStampRevision():
		return st.GetStampRevision() < old.GetStampRevision()
	}
	st, old = proto.CloneOf(st), proto.CloneOf(old)
	st.UpdateTime, old.UpdateTime, st.TraceId, old.TraceId = nil, nil, "", ""
	return !proto.Equal(st, old)
}

// ReportCell accepts everything.
func (r *Registry) ReportCell(_ context.Context, req *registryv1.ReportCellRequest) (*registryv1.ReportCellResponse, error) {
	return &registryv1.ReportCellResponse{Cell: req.GetCell()}, nil
}

// Forget loses a tenant without anybody having wished so, as a registry
// restored from an old snapshot does.
func (r *Registry) Forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.tenants, id)
	r.event(&registryv1.WatchTenantsResponse{Type: registryv1.WatchTenantsResponse_REMOVED, Tenant: &registryv1.Tenant{Name: "tenants/" + id}})
}
