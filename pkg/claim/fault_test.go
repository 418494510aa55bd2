package claim_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/testkit"
)

// leaveBehind makes what a replica "a" has in etcd and on disk while it runs.
func leaveBehind(t *testing.T, client *clientv3.Client, prefix, dir string, lease clientv3.LeaseID) {
	t.Helper()
	for key, value := range map[string]string{"claims/c/0": "a", "members/a": `{"replica":"a","cells":{"c":1}}`} {
		if _, err := client.Put(t.Context(), prefix+key, value, clientv3.WithLease(lease)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "lease"), []byte(strconv.FormatInt(int64(lease), 16)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A replica that etcd cannot hear must have stopped before another one begins.
func TestCutOffReplicaStopsBeforeTheNextBegins(t *testing.T) {
	server, prefix := testkit.Etcd(t), testkit.Prefix(t)
	line := newProxy(t, strings.TrimPrefix(server.Endpoints[0], "http://"))
	cfg := claim.Config{Prefix: prefix, Replica: "a", Cells: map[string]int{"c": 1}, Settle: time.Hour}
	a := start(t, []string{"http://" + line.addr}, cfg)
	old := a.awaitClaim(t, "c/0")
	cfg.Replica = "b"
	b := start(t, server.Endpoints, cfg)

	line.freeze()
	next := b.awaitClaim(t, "c/0")
	began := time.Now()
	a.mu.Lock()
	ended, stopped := a.ended["c/0"]
	a.mu.Unlock()
	if !stopped || ended.After(began) {
		t.Fatalf("a ended %v, b began %v", ended, began)
	}
	if next.Token <= old.Token {
		t.Fatalf("token %d after %d", next.Token, old.Token)
	}
	// What a meant to write when it was cut off arrives now.
	res, err := b.backend.Txn(t.Context(), []store.Cond{old.Guard()}, []store.Op{store.PutOp(prefix+"late", nil)})
	if err != nil || res.Succeeded {
		t.Fatalf("late write: %+v, %v", res, err)
	}

	line.thaw()
	testkit.Eventually(t, limit, func() error {
		if len(b.Members()) != 2 {
			return errors.New("a is not back")
		}
		return nil
	})
	if _, held := a.claim("c/0"); held {
		t.Fatal("a took the claim back from a living replica")
	}
}

func TestEtcdIsAwayForAWhile(t *testing.T) {
	server := testkit.OwnEtcd(t)
	a := start(t, server.Endpoints, claim.Config{Prefix: testkit.Prefix(t), Replica: "a", Cells: map[string]int{"c": 2}})
	awaitCounts(t, "c", 2, a)
	before := a.awaitClaim(t, "c/0")
	server.Stop(t)
	testkit.Eventually(t, limit, func() error { // longer than the lease lasts
		if n := a.count(""); n != 0 {
			return fmt.Errorf("%d claims still held with etcd away", n)
		}
		return nil
	})
	server.Start(t)
	awaitCounts(t, "c", 2, a)
	if after := a.awaitClaim(t, "c/0"); after.Token <= before.Token {
		t.Fatalf("token %d after %d", after.Token, before.Token)
	}
}

// proxy is a line to etcd that can be frozen: nothing passes, nothing breaks.
type proxy struct {
	addr   string
	target string
	gate   sync.RWMutex // held while frozen
	mu     sync.Mutex
	conns  []net.Conn
	frozen bool
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	lis := testkit.Listen(t)
	p := &proxy{addr: lis.Addr().String(), target: target}
	go func() {
		for {
			in, err := lis.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				_ = in.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, in, out)
			p.mu.Unlock()
			go p.copy(in, out)
			go p.copy(out, in)
		}
	}()
	t.Cleanup(func() {
		p.thaw()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range p.conns {
			_ = c.Close()
		}
	})
	return p
}

func (p *proxy) copy(to, from net.Conn) {
	defer func() { _ = to.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.gate.RLock()
		if n > 0 && err == nil {
			_, err = to.Write(buf[:n])
		}
		p.gate.RUnlock()
		if err != nil && !errors.Is(err, io.ErrNoProgress) {
			return
		}
	}
}

func (p *proxy) freeze() {
	p.gate.Lock()
	p.frozen = true
}

func (p *proxy) thaw() {
	if p.frozen {
		p.frozen = false
		p.gate.Unlock()
	}
}
