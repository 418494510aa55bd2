package claim_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
)

const limit = 30 * time.Second

func TestMain(m *testing.M) { testkit.Main(m) }

// replica is a manager under test, with what it holds.
type replica struct {
	*claim.Manager
	backend *etcd.Backend
	stop    func()

	mu    sync.Mutex
	holds map[string]claim.Claim
	ended map[string]time.Time
}

func start(t *testing.T, endpoints []string, cfg claim.Config) *replica {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	backend, err := etcd.New(ctx, etcd.Config{Endpoints: endpoints}, etcd.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Settle == 0 {
		cfg.Settle = 300 * time.Millisecond
	}
	cfg.TTL, cfg.Retry = 2*time.Second, 10*time.Millisecond
	m, err := claim.New(cfg, claim.Deps{Client: backend.Client(), Log: testkit.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{Manager: m, backend: backend, holds: map[string]claim.Claim{}, ended: map[string]time.Time{}}
	m.Hold("placement", func(ctx context.Context, c claim.Claim) error { return r.hold(ctx, "placement", c) })
	m.HoldShards(func(ctx context.Context, s claim.Shard, c claim.Claim) error {
		return r.hold(ctx, fmt.Sprintf("%s/%d", s.Cell, s.Index), c)
	})
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		_ = backend.Close()
	})
	t.Cleanup(r.stop)
	return r
}

func (r *replica) hold(ctx context.Context, id string, c claim.Claim) error {
	r.mu.Lock()
	r.holds[id] = c
	r.mu.Unlock()
	<-ctx.Done()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.holds, id)
	r.ended[id] = time.Now()
	return nil
}

func (r *replica) claim(id string) (claim.Claim, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.holds[id]
	return c, ok
}

func (r *replica) count(prefix string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for id := range r.holds {
		if strings.HasPrefix(id, prefix) {
			n++
		}
	}
	return n
}

func (r *replica) awaitClaim(t *testing.T, id string) claim.Claim {
	t.Helper()
	var got claim.Claim
	testkit.Eventually(t, limit, func() error {
		c, ok := r.claim(id)
		if !ok {
			return fmt.Errorf("%s is not held", id)
		}
		got = c
		return nil
	})
	return got
}

func awaitCounts(t *testing.T, prefix string, total int, rs ...*replica) {
	t.Helper()
	testkit.Eventually(t, limit, func() error {
		sum, each := 0, []int{}
		for _, r := range rs {
			n := r.count(prefix)
			sum, each = sum+n, append(each, n)
		}
		if sum != total || slices.Min(each) == 0 {
			return fmt.Errorf("%s: held %v, want all of %d, some by each", prefix, each, total)
		}
		return nil
	})
}

func TestTwoReplicasShareCells(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	endpoints, prefix := testkit.Etcd(t).Endpoints, testkit.Prefix(t)
	a := start(t, endpoints, claim.Config{Prefix: prefix, Replica: "a", Address: "a:1", Cells: map[string]int{"k8s": 16, "host-a": 1}})
	awaitCounts(t, "k8s", 16, a)
	b := start(t, endpoints, claim.Config{Prefix: prefix, Replica: "b", Address: "b:1", Cells: map[string]int{"k8s": 16, "host-b": 1}})
	awaitCounts(t, "k8s", 16, a, b)
	awaitCounts(t, "host-a", 1, a)
	awaitCounts(t, "host-b", 1, b)
	awaitCounts(t, "placement", 1, a) // stays with who had it
	members := b.Members()
	if len(members) != 2 || members[0].Address != "a:1" || members[1].Cells["host-b"] != 1 {
		t.Fatalf("members: %+v", members)
	}
	a.stop() // gives everything back at once
	awaitCounts(t, "k8s", 16, b)
	awaitCounts(t, "placement", 1, b)
	b.stop()
	goleak.VerifyNone(t, ignore)
}

func TestStaleTokenIsRefused(t *testing.T) {
	endpoints, prefix := testkit.Etcd(t).Endpoints, testkit.Prefix(t)
	a := start(t, endpoints, claim.Config{Prefix: prefix, Replica: "a", Cells: map[string]int{"c": 1}})
	old := a.awaitClaim(t, "c/0")
	write := []store.Op{store.PutOp(prefix+"stamp", nil)}
	if res, err := a.backend.Txn(t.Context(), []store.Cond{old.Guard()}, write); err != nil || !res.Succeeded {
		t.Fatalf("held: %+v, %v", res, err)
	}
	// Somebody takes the claim away behind its back.
	if _, err := a.backend.Client().Delete(t.Context(), old.Key); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, limit, func() error {
		if c, ok := a.claim("c/0"); !ok || c.Token <= old.Token {
			return fmt.Errorf("held %+v, want a token greater than %d", c, old.Token)
		}
		return nil
	})
	if res, err := a.backend.Txn(t.Context(), []store.Cond{old.Guard()}, write); err != nil || res.Succeeded {
		t.Fatalf("stale token wrote: %+v, %v", res, err)
	}
}

func TestHeldShardWaitsForSettle(t *testing.T) {
	endpoints, prefix := testkit.Etcd(t).Endpoints, testkit.Prefix(t)
	cfg := claim.Config{Prefix: prefix, Replica: "a", Cells: map[string]int{"k8s": 16}, Settle: time.Hour}
	a := start(t, endpoints, cfg)
	awaitCounts(t, "k8s", 16, a)
	cfg.Replica = "b"
	b := start(t, endpoints, cfg)
	testkit.Eventually(t, limit, func() error {
		if len(a.Members()) != 2 || len(b.Members()) != 2 {
			return errors.New("not both are members")
		}
		return nil
	})
	if n := b.count(""); n != 0 {
		t.Fatalf("b took %d claims from a living replica", n)
	}
	a.stop()
	awaitCounts(t, "k8s", 16, b) // free ones are taken at once, settled or not
}

func TestKilledReplicaReturns(t *testing.T) {
	endpoints, prefix, dir := testkit.Etcd(t).Endpoints, testkit.Prefix(t), t.TempDir()
	client := testkit.Etcd(t).Client(t)
	// What a killed process leaves: a lease of an hour, a claim, a member, and
	// the lease's number in the data directory.
	lease, err := client.Grant(t.Context(), 3600)
	if err != nil {
		t.Fatal(err)
	}
	leaveBehind(t, client, prefix, dir, lease.ID)
	began := time.Now()
	a := start(t, endpoints, claim.Config{Prefix: prefix, Replica: "a", Cells: map[string]int{"c": 1}, DataDir: dir})
	if c := a.awaitClaim(t, "c/0"); c.Token <= lease.Revision {
		t.Fatalf("token %d is not greater than the revision of the old claim's lease %d", c.Token, lease.Revision)
	}
	t.Logf("back after %v", time.Since(began))

	_, err = claim.New(claim.Config{Prefix: prefix, Replica: "a2", DataDir: dir}, claim.Deps{Client: client})
	if errs.ReasonOf(err) != "DATA_DIR_IN_USE" {
		t.Fatalf("second replica on one directory: %v", err)
	}
	a.stop()
	again, err := claim.New(claim.Config{Prefix: prefix, Replica: "a2", DataDir: dir}, claim.Deps{Client: client})
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFunctionIsCalledAgain(t *testing.T) {
	client := testkit.Etcd(t).Client(t)
	m, err := claim.New(claim.Config{Prefix: testkit.Prefix(t), Replica: "a", TTL: 2 * time.Second, Retry: time.Millisecond},
		claim.Deps{Client: client, Log: testkit.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	calls := make(chan claim.Claim, 16)
	m.Hold("job", func(context.Context, claim.Claim) error {
		select {
		case calls <- claim.Claim{}:
		default:
		}
		return errors.New("not today")
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	for range 3 {
		select {
		case <-calls:
		case <-time.After(limit):
			t.Error("not called again")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	_, err := claim.New(claim.Config{Prefix: "x", Replica: "a/b", TTL: time.Millisecond, Cells: map[string]int{"": 0}}, claim.Deps{})
	var e *errs.Error
	if !errors.As(err, &e) || len(e.Violations) != 4 {
		t.Fatalf("got %v", err)
	}
}
