package harness

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
)

// Etcd is a real etcd server of one member, a process of its own.
type Etcd struct {
	*Process
	// Endpoint is host:port for clients; it stays over Stop and Start.
	Endpoint string

	data, peer string
}

// NewEtcd prepares a server that keeps its data below dir.
func NewEtcd(t testing.TB, dir string) *Etcd {
	t.Helper()
	client, peer := freeAddress(t), freeAddress(t)
	data := filepath.Join(dir, "etcd")
	e := &Etcd{Endpoint: client, data: data, peer: peer, Process: newProcess(t, dir, "etcd", etcdProgram(t),
		"--name=e2e", "--data-dir="+data, "--logger=zap", "--log-level=panic",
		"--heartbeat-interval=20", "--election-timeout=200",
		"--listen-client-urls=http://"+client, "--advertise-client-urls=http://"+client,
		"--listen-peer-urls=http://"+peer, "--initial-advertise-peer-urls=http://"+peer,
		"--initial-cluster=e2e=http://"+peer,
	)}
	t.Cleanup(e.Kill) // nobody needs what it would still write
	return e
}

// Await waits until it answers.
func (e *Etcd) Await() {
	e.t.Helper()
	testkit.Eventually(e.t, 20*time.Second, func() error {
		if err := e.Alive(); err != nil {
			return err
		}
		return answersOK(e.t, "http://"+e.Endpoint+"/health")
	})
}

// freeAddress is a loopback address that was free a moment ago.
func freeAddress(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
}
