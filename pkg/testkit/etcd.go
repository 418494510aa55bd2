package testkit

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

const startLimit = 30 * time.Second

// EtcdServer is a real etcd of one member in this process, on loopback. It keeps
// its data in memory's page cache only (no fsync): fast, and lost with the machine.
type EtcdServer struct {
	// Endpoints to connect to; they stay the same over Restart.
	Endpoints []string

	dir    string
	shared bool
	mu     sync.Mutex
	server *embed.Etcd // nil: stopped
}

// Etcd gives the etcd that all tests of this binary share: tell them apart by
// Prefix. It runs as long as a test uses it; with Main, until the binary ends.
func Etcd(t testing.TB) *EtcdServer {
	t.Helper()
	server, err := shared.take()
	if err != nil {
		t.Fatalf("start shared etcd: %v", err)
	}
	t.Cleanup(shared.release)
	return server
}

// OwnEtcd gives an etcd of the test's own, which it may stop, start and compact.
func OwnEtcd(t testing.TB) *EtcdServer {
	t.Helper()
	s := &EtcdServer{dir: t.TempDir()}
	s.Start(t)
	t.Cleanup(s.stop)
	return s
}

// Client is a connection that ends with the test.
func (s *EtcdServer) Client(t testing.TB) *clientv3.Client {
	t.Helper()
	client, err := s.connect()
	if err != nil {
		t.Fatalf("connect to etcd: %v", err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (s *EtcdServer) connect() (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: s.Endpoints, DialTimeout: 5 * time.Second, Logger: zap.NewNop()})
}

// Compact makes etcd forget everything before its newest revision.
func (s *EtcdServer) Compact(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	client, err := s.connect()
	if err != nil {
		t.Fatalf("connect to etcd: %v", err)
	}
	defer func() { _ = client.Close() }()
	resp, err := client.Get(ctx, "revision", clientv3.WithCountOnly())
	if err == nil {
		_, err = client.Compact(ctx, resp.Header.GetRevision(), clientv3.WithCompactPhysical())
	}
	if err != nil {
		t.Fatalf("compact etcd: %v", err)
	}
}

// Stop ends the server and keeps its data.
func (s *EtcdServer) Stop(t testing.TB) {
	t.Helper()
	if s.shared {
		t.Fatal("the shared etcd serves other tests too: use OwnEtcd")
	}
	s.stop()
}

// Start brings it back at the same endpoints.
func (s *EtcdServer) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("start etcd: %v", err)
	}
}

// Restart stops and starts.
func (s *EtcdServer) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	s.Start(t)
}

func (s *EtcdServer) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		s.server.Close()
		s.server = nil
	}
}

func (s *EtcdServer) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		return nil
	}
	server, err := embed.StartEtcd(s.config())
	if err != nil {
		return err
	}
	select {
	case <-server.Server.ReadyNotify():
	case <-time.After(startLimit):
		server.Close()
		return fmt.Errorf("no leader after %v", startLimit)
	}
	s.server = server
	if s.Endpoints == nil {
		s.Endpoints = []string{"http://" + server.Clients[0].Addr().String()}
	}
	return s.answer()
}

// answer waits for the first answer: the listener is ready later than the server.
func (s *EtcdServer) answer() error {
	client, err := s.connect()
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	_, err = client.Get(ctx, "ready")
	return err
}

func (s *EtcdServer) config() *embed.Config {
	free := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	client := free
	if s.Endpoints != nil {
		if u, err := url.Parse(s.Endpoints[0]); err == nil {
			client = *u
		}
	}
	cfg := embed.NewConfig()
	cfg.Name = "test"
	cfg.Dir = filepath.Join(s.dir, "etcd")
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = nil, []url.URL{free} // alone, it has no peers
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.TickMs, cfg.ElectionMs = 20, 200 // alone, it need not wait to be elected
	cfg.UnsafeNoFsync = true
	cfg.EnableGRPCGateway = false
	cfg.WatchProgressNotifyInterval = time.Minute
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	return cfg
}

// sharedEtcd counts its users and ends with the last one.
type sharedEtcd struct {
	mu     sync.Mutex
	users  int
	server *EtcdServer
}

var shared sharedEtcd

func (s *sharedEtcd) take() (*EtcdServer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		dir, err := os.MkdirTemp("", "stampworks-etcd-*")
		if err != nil {
			return nil, err
		}
		server := &EtcdServer{dir: dir, shared: true}
		if err := server.start(); err != nil {
			_ = os.RemoveAll(dir)
			return nil, err
		}
		s.server = server
	}
	s.users++
	return s.server, nil
}

func (s *sharedEtcd) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users > 0 {
		return
	}
	s.server.stop()
	_ = os.RemoveAll(s.server.dir)
	s.server = nil
}

// Main runs a package's tests on one shared etcd from the first to the last:
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
//
// Without it, the shared etcd starts anew whenever no test uses it.
func Main(m *testing.M) {
	if _, err := shared.take(); err == nil { // else the first test that wants it tries again, and fails
		defer shared.release()
	}
	m.Run()
}
