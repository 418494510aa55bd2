package desired_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/rpctest"
	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/internal/desired"
)

const soon = 10 * time.Second

// registry plays one script per watch, and then hangs until the caller goes.
type registry struct {
	registryv1.UnimplementedTenantServiceServer
	mu      sync.Mutex
	scripts [][]*registryv1.WatchTenantsResponse
	ends    []error // how each script ends; nil hangs
	after   []int64 // what each watch asked for
}

func (r *registry) WatchTenants(req *registryv1.WatchTenantsRequest, to grpc.ServerStreamingServer[registryv1.WatchTenantsResponse]) error {
	r.mu.Lock()
	n := len(r.after)
	r.after = append(r.after, req.GetAfterRevision())
	var script []*registryv1.WatchTenantsResponse
	var end error
	if n < len(r.scripts) {
		script, end = r.scripts[n], r.ends[n]
	}
	r.mu.Unlock()
	for _, ev := range script {
		if err := to.Send(ev); err != nil {
			return err
		}
	}
	if end != nil {
		return end
	}
	<-to.Context().Done()
	return to.Context().Err()
}

func (r *registry) asked() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]int64(nil), r.after...)
}

func put(id string, generation, revision int64) *registryv1.WatchTenantsResponse {
	return &registryv1.WatchTenantsResponse{
		Type: registryv1.WatchTenantsResponse_PUT, Revision: revision,
		Tenant: &registryv1.Tenant{Name: "tenants/" + id, Uid: "u", Generation: generation},
	}
}

func synced(revision int64) *registryv1.WatchTenantsResponse {
	return &registryv1.WatchTenantsResponse{Type: registryv1.WatchTenantsResponse_SYNCED, Revision: revision}
}

func follow(t *testing.T, r *registry) *desired.View {
	t.Helper()
	view := desired.NewView()
	followInto(t, r, view)
	return view
}

func followInto(t *testing.T, r *registry, view *desired.View) {
	t.Helper()
	srv := rpctest.Serve(t, "tenant-registry", func(to grpc.ServiceRegistrar) { registryv1.RegisterTenantServiceServer(to, r) })
	f := &desired.Follower{View: view, Tenants: registryv1.NewTenantServiceClient(srv.Dial(t, "provisioner")), Log: testkit.Logger(t)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = f.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

func TestResumesThenListsAgain(t *testing.T) {
	away := errs.New(errs.Unavailable, "", "away")
	r := &registry{
		scripts: [][]*registryv1.WatchTenantsResponse{
			{put("a", 1, 5)}, // cut in the middle of the list
			{put("a", 1, 6), put("b", 1, 6), synced(6), put("a", 2, 7)},
			{},
			{put("a", 3, 20), synced(20)}, // b is missing from the new list
		},
		ends: []error{away, away, errs.New(errs.TooLarge, "REVISION_COMPACTED", "forgotten"), nil},
	}
	view := follow(t, r)
	testkit.Eventually(t, soon, func() error {
		if a, _ := view.Get("a"); a.GetGeneration() != 3 {
			return fmt.Errorf("a is at generation %d", a.GetGeneration())
		}
		return nil
	})
	want := []int64{0, 0, 7, 0}
	if got := r.asked(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("asked after %v, want %v", got, want)
	}
	if _, ok := view.Get("b"); !ok {
		t.Error("a tenant missing from a list was dropped")
	}
}

func TestOlderGenerationIsNotTaken(t *testing.T) {
	r := &registry{scripts: [][]*registryv1.WatchTenantsResponse{{put("a", 5, 5), put("a", 4, 6), synced(6), put("c", 1, 7)}}, ends: []error{nil}}
	view := follow(t, r)
	testkit.Eventually(t, soon, func() error {
		if _, ok := view.Get("c"); !ok {
			return fmt.Errorf("c is not there")
		}
		return nil
	})
	if a, _ := view.Get("a"); a.GetGeneration() != 5 {
		t.Errorf("generation %d", a.GetGeneration())
	}
}

func TestObserve(t *testing.T) {
	changes := make(chan string, 10)
	r := &registry{scripts: [][]*registryv1.WatchTenantsResponse{{
		synced(1), put("a", 1, 2), put("a", 1, 3), put("a", 2, 4),
		{Type: registryv1.WatchTenantsResponse_REMOVED, Tenant: &registryv1.Tenant{Name: "tenants/a"}, Revision: 5},
	}}, ends: []error{nil}}
	view := desired.NewView()
	defer view.Observe(func(id string) { changes <- id })()
	followInto(t, r, view)
	for _, what := range []string{"it appears", "a new generation", "it is gone"} {
		select {
		case id := <-changes:
			if id != "a" {
				t.Errorf("%s: told of %q", what, id)
			}
		case <-time.After(soon):
			t.Fatalf("not told that %s", what)
		}
	}
	if len(changes) != 0 {
		t.Error("told of a change that was only a status")
	}
}

// A tenant that is taken over again keeps its generation; its stamp is looked at
// all the same.
func TestObserveRecovery(t *testing.T) {
	changes := make(chan string, 10)
	again := put("a", 1, 3)
	again.Tenant.Recovery = &registryv1.Recovery{Id: "recovery-1", Cell: "cells/one"}
	r := &registry{scripts: [][]*registryv1.WatchTenantsResponse{{synced(1), put("a", 1, 2), again}}, ends: []error{nil}}
	view := desired.NewView()
	defer view.Observe(func(id string) { changes <- id })()
	followInto(t, r, view)
	for _, what := range []string{"it appears", "it is recovered"} {
		select {
		case <-changes:
		case <-time.After(soon):
			t.Fatalf("not told that %s", what)
		}
	}
}
