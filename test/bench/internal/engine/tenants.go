package engine

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"stampworks.dev/pkg/rpc"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// product has a setup, a migration, secrets, three components and a smoke
// check. All it is asked runs in the cell: nothing listens in memory.
const product = `
blueprint: desk
revision: 1.0.0
artifacts:
  desk: {file: /opt/desk, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
secrets:
  db_password: {length: 16}
plans:
  standard:
    resources:
      default: {cpu: 100m, memory: 128Mi}
      db: {cpu: 100m, memory: 128Mi, volumes: {data: 1Gi}}
components:
  db:
    artifact: desk
    volumes: [data]
    ports: {sql: 5432}
    env: {PASSWORD: "${secrets.db_password}"}
    setup: desk init ${volumes.data}
    run: desk db --listen ${db.sql.bind}:${db.sql.port}
    ready: {exec: desk db ping}
  app:
    artifact: desk
    ports: {http: 8080}
    env: {DB: "${db.sql.addr}", PASSWORD: "${secrets.db_password}", NAME: "${tenant.display_name}"}
    migrate: desk migrate
    run: desk app --listen ${app.http.bind}:${app.http.port}
    ready: {exec: desk app ping}
  worker:
    artifact: desk
    after: [app]
    run: desk worker
    ready: {exec: desk worker ping}
smoke:
  - {component: app, exec: desk smoke}
`

// stuckAfter is how long nothing may happen.
const stuckAfter = time.Minute

// customers are who asks the registry, as the gateway does, and watches.
type customers struct {
	t       testing.TB
	tenants registryv1.TenantServiceClient
	changed chan struct{}

	mu     sync.Mutex
	active map[string]bool
	failed []string
}

// newCustomers publishes the product and watches all tenants.
func newCustomers(t testing.TB, dir, registry string) *customers {
	t.Helper()
	tls, err := certificate(dir, "gateway")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := rpc.Dial(rpc.ClientConfig{Target: registry, TLS: tls, Server: "tenant-registry"}, rpc.ClientDeps{Service: "gateway"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ctx := asAdmin(t.Context())
	c := &customers{
		t: t, tenants: registryv1.NewTenantServiceClient(conn), changed: make(chan struct{}, 1),
		active: map[string]bool{},
	}
	blueprints := registryv1.NewBlueprintServiceClient(conn)
	_, err = blueprints.CreateRevision(ctx, &registryv1.CreateRevisionRequest{Parent: "blueprints/desk", Revision: &registryv1.Revision{Source: product}})
	if err != nil {
		t.Fatalf("publish product: %v", err)
	}
	stream, err := c.tenants.WatchTenants(ctx, &registryv1.WatchTenantsRequest{})
	if err != nil {
		t.Fatalf("watch tenants: %v", err)
	}
	go func() {
		for {
			event, err := stream.Recv()
			if err != nil {
				return // its end is seen as nothing that happens any more
			}
			c.note(event.GetTenant())
		}
	}()
	return c
}

func asAdmin(ctx context.Context) context.Context {
	return rpc.WithPrincipal(ctx, rpc.Principal{Name: "tokens/admin", Role: "admin"})
}

// note keeps count. A tenant is counted as what it was last seen as.
func (c *customers) note(t *registryv1.Tenant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch name, state := t.GetName(), t.GetState(); {
	case state == registryv1.Tenant_FAILED:
		c.failed = append(c.failed, name+": "+t.GetStatus().GetFailure().GetMessage())
	case state == registryv1.Tenant_ACTIVE && !t.GetReconciling():
		c.active[name] = true
	default:
		delete(c.active, name)
	}
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// count gives how many are active, and those that failed.
func (c *customers) count() (active int, failed []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.active), c.failed
}

// create orders the tenants from the first to before the last, a few at a time.
func (c *customers) create(first, last int) {
	c.t.Helper()
	g, ctx := errgroup.WithContext(asAdmin(c.t.Context()))
	g.SetLimit(8)
	for i := first; i < last; i++ {
		g.Go(func() error {
			_, err := c.tenants.CreateTenant(ctx, &registryv1.CreateTenantRequest{
				TenantId: fmt.Sprintf("t%d", i),
				Tenant:   &registryv1.Tenant{DisplayName: fmt.Sprintf("Customer %d", i), Blueprint: "blueprints/desk/revisions/1.0.0", Plan: "standard"},
			})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		c.t.Fatalf("create tenants: %v", err)
	}
}

// converged waits until so many are active, and fails when nothing happens any
// more or one failed.
func (c *customers) converged(all int) {
	c.t.Helper()
	for {
		active, failed := c.count()
		switch {
		case len(failed) > 0:
			c.t.Fatalf("%d tenants failed, such as %s", len(failed), failed[0])
		case active == all:
			return
		}
		select {
		case <-c.changed:
		case <-time.After(stuckAfter):
			c.t.Fatalf("%d of %d tenants are active, and nothing happened for %v", active, all, stuckAfter)
		case <-c.t.Context().Done():
			c.t.Fatal(c.t.Context().Err())
		}
	}
}
