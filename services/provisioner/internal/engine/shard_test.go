package engine

import (
	"context"
	"runtime"
	"testing"
	"time"

	"stampworks.dev/pkg/rpc/rpctest"
	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/internal/desired"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/registrytest"
)

// begins tells that somebody waits for its end.
type begins struct {
	context.Context
	begun chan struct{}
}

func (b begins) Done() <-chan struct{} {
	b.begun <- struct{}{}
	return b.Context.Done()
}

// TestWhoIsMissedAndWhoChanges: a shard looks for missing tenants just while the
// view tells it of one that changed. Neither waits for the other for ever.
func TestWhoIsMissedAndWhoChanges(t *testing.T) {
	registry := registrytest.New()
	conn := rpctest.Serve(t, "tenant-registry", registry.Register).Dial(t, "provisioner")
	view := desired.NewView()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	follower := &desired.Follower{View: view, Tenants: registryv1.NewTenantServiceClient(conn), Log: testkit.Logger(t)}
	go func() { _ = follower.Run(ctx) }()
	<-view.Whole()

	s := &shard{Engine: &Engine{Deps: Deps{View: view}}, books: map[string]*record.Book{"gone": nil}, queue: newQueue()}
	both := make(chan struct{}, 2)
	view.Observe(func(tenant string) {
		looks := begins{t.Context(), make(chan struct{}, 1)}
		go func() { _ = s.missed(looks); both <- struct{}{} }()
		<-looks.begun
		for range 10_000 {
			runtime.Gosched() // it gets as far as it can, for the view is busy here
		}
		s.book(tenant)
		both <- struct{}{}
	})
	registry.Wish("acme", func(*registryv1.Tenant) {})
	for range cap(both) {
		select {
		case <-both:
		case <-time.After(20 * time.Second):
			t.Fatal("they wait for each other")
		}
	}
}
