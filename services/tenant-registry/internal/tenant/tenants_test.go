package tenant_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/blueprints"
	"stampworks.dev/services/tenant-registry/internal/listing"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/tenant"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const recipe = `blueprint: web
revision: 1.0.0
artifacts:
  web: {host: python3}
plans:
  small: {}
components:
  app:
    artifact: web
    ports: {http: 8000}
    run: python3 -m http.server ${app.http.port}
    ready: {http: http}
endpoint: app.http
`

type fixture struct {
	*tenant.Tenants

	backend store.Backend
	prefix  string
	lines   *timeline.Timeline
}

// start gives tenants on a real etcd, with their caches running.
func start(t *testing.T) *fixture {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	backend, err := etcd.New(ctx, etcd.Config{Endpoints: testkit.Etcd(t).Endpoints}, etcd.Deps{Log: testkit.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{backend: backend, prefix: testkit.Prefix(t)}
	f.lines = timeline.New(backend, f.prefix)
	catalog := blueprints.New(backend, f.prefix)
	f.Tenants = tenant.New(tenant.Deps{
		Backend: backend, Prefix: f.prefix, Catalog: catalog, Timeline: f.lines, Log: testkit.Logger(t), ProgressEvery: 20 * time.Millisecond,
	})
	done := make(chan error, 2)
	go func() { done <- f.Run(ctx) }()
	go func() { done <- catalog.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		_ = backend.Close()
	})
	if _, err := catalog.Publish(ctx, blueprints.Publication{Parent: names.Blueprint{ID: "web"}, Source: recipe}); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) create(t *testing.T, id string, conds ...store.Cond) (tenant.Change, error) {
	t.Helper()
	return f.Create(context.Background(), tenant.Creation{ID: id, Wish: &registryv1.Tenant{DisplayName: id, Blueprint: "web"}, Conds: conds})
}

func TestAConditionOfTheCallerThatFailsWritesNothing(t *testing.T) {
	f := start(t)
	if _, err := f.create(t, "a", store.Exists(f.prefix+"nothing")); err == nil {
		t.Fatal("created")
	}
	if _, err := f.Get(context.Background(), names.Tenant{ID: "a"}); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestADealMakesOneTenant(t *testing.T) {
	f, ctx := start(t), context.Background()
	wish := func(name string) *registryv1.Tenant {
		return &registryv1.Tenant{DisplayName: name, Blueprint: "web", Deal: &registryv1.Deal{Source: "sources/crm", Id: "42"}}
	}
	if _, err := f.Create(ctx, tenant.Creation{Wish: wish("a")}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Create(ctx, tenant.Creation{Wish: wish("b")}); !errors.Is(err, tenant.ErrDealTaken) {
		t.Errorf("%v", err)
	}
	if by, err := f.ByDeal(ctx, "sources/crm", "42"); err != nil || by != "tenants/a" {
		t.Errorf("%q, %v", by, err)
	}
	if by, err := f.ByDeal(ctx, "sources/other", "42"); err != nil || by != "" {
		t.Errorf("of another source: %q, %v", by, err)
	}
}

func TestAnIdleWatchTellsHowFarItIs(t *testing.T) {
	f := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	enough := errors.New("enough")
	var synced int64
	err := f.Watch(ctx, 0, func(msg *registryv1.WatchTenantsResponse) error {
		switch msg.GetType() {
		case registryv1.WatchTenantsResponse_SYNCED:
			synced = msg.GetRevision()
			if _, err := f.backend.Txn(ctx, nil, []store.Op{store.PutOp(f.prefix+"elsewhere", []byte("x"))}); err != nil {
				return err
			}
			_, err := f.List(ctx, listing.Query{}, false) // makes the cache ask how far the store is
			return err
		case registryv1.WatchTenantsResponse_PROGRESS:
			if msg.GetRevision() <= synced {
				return fmt.Errorf("progress to %d, after %d", msg.GetRevision(), synced)
			}
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Errorf("watch: %v", err)
	}
}

func TestSweepPurgesAfterTheRetentionButNotTooMany(t *testing.T) {
	f, ctx := start(t), context.Background()
	for n := range 6 {
		id := fmt.Sprint("t", n)
		if _, err := f.create(t, id); err != nil {
			t.Fatal(err)
		}
		if n == 5 {
			continue
		}
		if _, err := f.Delete(ctx, names.Tenant{ID: id}, tenant.Deletion{}); err != nil {
			t.Fatal(err)
		}
	}
	purging := func() int {
		t.Helper()
		page, err := f.List(ctx, listing.Query{}, true)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, v := range page.Items {
			if v.Spec().GetPurging() {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		at   time.Time
		want int
	}{
		{time.Now(), 0}, {time.Now().Add(tenant.DefaultRetention - time.Hour), 0},
		{time.Now().Add(tenant.DefaultRetention + time.Hour), 3},
	} {
		if err := f.Sweep(ctx, c.at); err != nil {
			t.Fatal(err)
		}
		if got := purging(); got != c.want {
			t.Errorf("at %s: %d purging, want %d", c.at, got, c.want)
		}
	}
}

func TestSweepForgetsRequests(t *testing.T) {
	f, ctx := start(t), context.Background()
	c := tenant.Creation{ID: "a", RequestID: "x", Wish: &registryv1.Tenant{DisplayName: "A", Blueprint: "web"}}
	if _, err := f.Create(ctx, c); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		at   time.Time
		want error
	}{{time.Now().Add(23 * time.Hour), nil}, {time.Now().Add(25 * time.Hour), tenant.ErrExists}} {
		if err := f.Sweep(ctx, s.at); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Create(ctx, c); !errors.Is(err, s.want) {
			t.Errorf("repeated at %s: %v, want %v", s.at, err, s.want)
		}
	}
}

func TestTimelineIsSwept(t *testing.T) {
	f, ctx := start(t), context.Background()
	if _, err := f.create(t, "a"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{timeline.Retention - time.Hour, 1}, {timeline.Retention + time.Hour, 0}} {
		if err := f.lines.Sweep(ctx, time.Now().Add(c.after)); err != nil {
			t.Fatal(err)
		}
		if list, err := f.lines.List(ctx, names.Tenant{ID: "a"}); err != nil || len(list) != c.want {
			t.Errorf("after %s: %v, %v", c.after, list, err)
		}
	}
}

func TestInputsOfOthersAreNotShared(t *testing.T) {
	f := start(t)
	asked := &registryv1.Tenant{DisplayName: "A", Blueprint: "web", Labels: map[string]string{"a": "b"}}
	change, err := f.Create(context.Background(), tenant.Creation{ID: "a", Wish: asked})
	if err != nil {
		t.Fatal(err)
	}
	change.Tenant.Labels["a"] = "changed"
	change.Tenant.Inputs = map[string]*structpb.Value{"x": structpb.NewNullValue()}
	if asked.GetLabels()["a"] != "b" {
		t.Error("the caller's message was handed out")
	}
}
