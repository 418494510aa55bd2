// Package peers connects to the other replicas of the provisioner: some things,
// such as reading a log, only the replica that reaches the cell can do.
package peers

import (
	"fmt"
	"sync"

	"google.golang.org/grpc"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
)

// Peers keeps a connection per replica. It is safe for concurrent use.
type Peers struct {
	members func() []claim.Member
	tls     rpc.TLSConfig
	deps    rpc.ClientDeps

	mu    sync.Mutex
	conns map[string]*grpc.ClientConn // by address
}

// New makes one that connects when it is asked to.
func New(members func() []claim.Member, tls rpc.TLSConfig, deps rpc.ClientDeps) *Peers {
	return &Peers{members: members, tls: tls, deps: deps, conns: map[string]*grpc.ClientConn{}}
}

// Reaching gives connections to the replicas that reach the cell, at least one:
// maybe to this very one.
func (p *Peers) Reaching(cell string) ([]grpc.ClientConnInterface, error) {
	var all []grpc.ClientConnInterface
	for _, m := range p.members() {
		if m.Cells[cell] > 0 {
			conn, err := p.dial(m.Address)
			if err != nil {
				return nil, err
			}
			all = append(all, conn)
		}
	}
	if len(all) == 0 {
		return nil, errs.New(errs.Unavailable, "CELL_UNREACHABLE", "no provisioner reaches cell %q now", cell)
	}
	return all, nil
}

func (p *Peers) dial(address string) (*grpc.ClientConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if conn := p.conns[address]; conn != nil {
		return conn, nil
	}
	conn, err := rpc.Dial(rpc.ClientConfig{Target: address, TLS: p.tls, Server: p.deps.Service}, p.deps)
	if err != nil {
		return nil, fmt.Errorf("connect to replica at %s: %w", address, err)
	}
	p.conns[address] = conn
	return conn, nil
}

// Close ends all connections.
func (p *Peers) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		_ = conn.Close()
	}
}
