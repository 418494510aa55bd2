package dev

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"stampworks.dev/pkg/rpc/admin"
)

// etcdStartWithin is how long the embedded etcd may take, recovery included.
const etcdStartWithin = 30 * time.Second

// etcdQuota is how large its data may become, in bytes.
const etcdQuota = 2 << 30

// longestSocket is what a Unix socket's path may be, in bytes, less the longest
// name that is added to a folder.
const longestSocket = 107 - len("/tenant-registry.sock")

// embeddedEtcd is the etcd of `stamp dev`. It listens on Unix sockets in a
// folder that only its user can enter, so that no other user of this machine
// can read what is in it.
type embeddedEtcd struct {
	server   *embed.Etcd
	endpoint string
	sockets  string
}

// startEtcd starts it on a data folder and waits until it answers.
func startEtcd(ctx context.Context, dir string) (*embeddedEtcd, error) {
	sockets, err := socketFolder(dir)
	if err != nil {
		return nil, err
	}
	e := &embeddedEtcd{sockets: sockets, endpoint: "unix://" + filepath.Join(sockets, "client.sock:0")}
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir = "dev", filepath.Join(dir, "data")
	client := url.URL{Scheme: "unix", Host: "", Path: filepath.Join(sockets, "client.sock:0")}
	peer := url.URL{Scheme: "unix", Host: "", Path: filepath.Join(sockets, "peer.sock:0")}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	// A member that is alone has no peers: nobody may reach its raft. (etcd would
	// not listen at peer's path either, but at an abstract socket for everybody.)
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = nil, []url.URL{peer}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.TickMs, cfg.ElectionMs = 20, 200 // alone, it need not wait to be elected
	cfg.AutoCompactionMode, cfg.AutoCompactionRetention = "periodic", "1h"
	cfg.QuotaBackendBytes = etcdQuota
	cfg.WatchProgressNotifyInterval = time.Minute
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	if e.server, err = embed.StartEtcd(cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("start etcd: %w", err), e.removeSockets())
	}
	select {
	case <-e.server.Server.ReadyNotify():
		return e, nil
	case <-ctx.Done():
		e.stop()
		return nil, ctx.Err()
	case <-time.After(etcdStartWithin):
		e.stop()
		return nil, fmt.Errorf("start etcd: it was not ready within %v", etcdStartWithin)
	}
}

// stop ends it and keeps its data.
func (e *embeddedEtcd) stop() {
	e.server.Close()
	_ = e.removeSockets()
}

// admin is where a service's admin server listens: beside etcd's socket, as
// metrics and profiles are for the same user only.
func (e *embeddedEtcd) admin(service string) admin.Config {
	return admin.Config{Listen: "unix:" + filepath.Join(e.sockets, service+".sock")}
}

func (e *embeddedEtcd) removeSockets() error { return os.RemoveAll(e.sockets) }

// socketFolder is inside dir, or elsewhere when that path is too long for a
// socket.
func socketFolder(dir string) (string, error) {
	inside := filepath.Join(dir, "run")
	if len(inside) <= longestSocket {
		if err := os.RemoveAll(inside); err != nil {
			return "", fmt.Errorf("clear etcd's sockets: %w", err)
		}
		return inside, os.MkdirAll(inside, 0o700)
	}
	return os.MkdirTemp("", "stampworks-")
}
