package tenantregistry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// watcher reads a watch until it has what a test waits for.
type watcher struct {
	t      testing.TB
	stream interface {
		Recv() (*registryv1.WatchTenantsResponse, error)
	}
	cancel context.CancelFunc
}

func (r *registry) watch(t testing.TB, after int64) *watcher {
	t.Helper()
	c, cancel := context.WithCancel(ctx(t))
	t.Cleanup(cancel)
	stream, err := r.tenants.WatchTenants(c, &registryv1.WatchTenantsRequest{AfterRevision: after})
	if err != nil {
		t.Fatal(err)
	}
	return &watcher{t: t, stream: stream, cancel: cancel}
}

func (w *watcher) next() *registryv1.WatchTenantsResponse {
	w.t.Helper()
	msg, err := w.stream.Recv()
	if err != nil {
		w.t.Fatal(err)
	}
	return msg
}

func (w *watcher) want(kind registryv1.WatchTenantsResponse_Type, tenant string, state registryv1.Tenant_State) *registryv1.WatchTenantsResponse {
	w.t.Helper()
	msg := w.next()
	if msg.GetType() != kind || msg.GetTenant().GetName() != tenant || msg.GetTenant().GetState() != state {
		w.t.Fatalf("got %v, want %s of %q in %s", msg, kind, tenant, state)
	}
	return msg
}

func TestWatchListsThenFollowsThenResumes(t *testing.T) {
	r := start(t)
	r.create(t, "a")
	r.create(t, "b")
	if err := r.report(t, "a", registryv1.TenantStatus_DONE, 1); err != nil {
		t.Fatal(err)
	}
	r.get(t, "a")
	if _, err := r.tenants.ListTenants(ctx(t), &registryv1.ListTenantsRequest{}); err != nil { // the cache has all of it
		t.Fatal(err)
	}
	const put, removed, synced = registryv1.WatchTenantsResponse_PUT, registryv1.WatchTenantsResponse_REMOVED, registryv1.WatchTenantsResponse_SYNCED
	w := r.watch(t, 0)
	if msg := w.want(put, "tenants/a", registryv1.Tenant_ACTIVE); msg.GetRevision() != 0 {
		t.Errorf("a revision in the middle of the list: %v", msg)
	}
	w.want(put, "tenants/b", registryv1.Tenant_CREATING)
	from := w.want(synced, "", 0).GetRevision()
	if from == 0 {
		t.Error("no revision to resume after")
	}
	r.create(t, "c")
	w.want(put, "tenants/c", registryv1.Tenant_CREATING)
	if err := r.report(t, "b", registryv1.TenantStatus_DONE, 1); err != nil {
		t.Fatal(err)
	}
	seen := w.want(put, "tenants/b", registryv1.Tenant_ACTIVE).GetRevision()
	w.cancel()

	w = r.watch(t, from)
	w.want(put, "tenants/c", registryv1.Tenant_CREATING)
	w.want(put, "tenants/b", registryv1.Tenant_ACTIVE)
	w.want(synced, "", 0)
	w = r.watch(t, seen)
	w.want(synced, "", 0)

	uid := r.get(t, "a").GetUid()
	if _, err := r.tenants.DeleteTenant(ctx(t), &registryv1.DeleteTenantRequest{Name: "tenants/a"}); err != nil {
		t.Fatal(err)
	}
	w.want(put, "tenants/a", registryv1.Tenant_DELETING)
	if _, err := r.tenants.PurgeTenant(ctx(t), &registryv1.PurgeTenantRequest{Name: "tenants/a"}); err != nil {
		t.Fatal(err)
	}
	if msg := w.want(put, "tenants/a", registryv1.Tenant_DELETING); !msg.GetTenant().GetPurging() {
		t.Errorf("not purging: %v", msg)
	}
	if err := r.report(t, "a", registryv1.TenantStatus_PURGED, 2); err != nil {
		t.Fatal(err)
	}
	if msg := w.want(removed, "tenants/a", 0); msg.GetTenant().GetUid() != uid {
		t.Errorf("removed %v, want uid %s", msg, uid)
	}
}

func TestWatchFromTooFarBackMustListAgain(t *testing.T) {
	r := start(t)
	w := r.watch(t, 1)
	_, err := w.stream.Recv()
	_ = reason(t, "revision 1", err, errs.TooLarge, "REVISION_COMPACTED")
}

func TestWatchEndsWithTheServer(t *testing.T) {
	r := start(t)
	w := r.watch(t, 0)
	w.want(registryv1.WatchTenantsResponse_SYNCED, "", 0)
	r.stop()
	if _, err := w.stream.Recv(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the watch ended with %v", err)
	}
}

func TestListSeesWhatWasJustWritten(t *testing.T) {
	r := start(t)
	other := replica(t, r.cfg, r.authority)
	for n := range 10 {
		r.create(t, fmt.Sprint("t", n))
		list, err := other.tenants.ListTenants(ctx(t), &registryv1.ListTenantsRequest{})
		if err != nil || int(list.GetTotalSize()) != n+1 {
			t.Fatalf("after %d: %d, %v", n+1, list.GetTotalSize(), err)
		}
	}
}
