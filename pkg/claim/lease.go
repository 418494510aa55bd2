package claim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// callTimeout bounds one call to etcd.
const callTimeout = 3 * time.Second

// errLeaseLost ends a session.
var errLeaseLost = errors.New("lease is lost")

// lease is one that etcd granted.
type lease struct {
	id    clientv3.LeaseID
	asked time.Time // by our clock; etcd began to count later
}

// open ends the previous lease, with all that hangs on it, and makes a new one.
func (m *Manager) open(ctx context.Context, previous clientv3.LeaseID) (lease, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := m.revoke(ctx, previous); err != nil {
		return lease{}, err
	}
	asked := time.Now()
	granted, err := m.client.Grant(ctx, int64(m.cfg.TTL/time.Second))
	if err != nil {
		return lease{}, fmt.Errorf("grant lease: %w", err)
	}
	if err := m.dir.keep(granted.ID); err != nil {
		return lease{}, errors.Join(err, m.revoke(ctx, granted.ID))
	}
	return lease{id: granted.ID, asked: asked}, nil
}

func (m *Manager) revoke(ctx context.Context, id clientv3.LeaseID) error {
	if id == clientv3.NoLease {
		return nil
	}
	_, err := m.client.Revoke(ctx, id)
	if err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return fmt.Errorf("revoke lease %x: %w", int64(id), err)
	}
	return nil
}

// giveBack frees everything at the end of Run. If etcd is away, the lease ends
// by itself, or at the next start.
func (m *Manager) giveBack(id clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if err := m.revoke(ctx, id); err != nil {
		m.log.WarnContext(ctx, "claims stay until the lease ends", "ttl", m.cfg.TTL, "error", err)
	}
}

// keepAlive renews the lease, and ends with errLeaseLost as soon as two thirds
// of its TTL have passed since the sending of the last renewal that was
// answered: a third before etcd can give its claims to somebody else.
func (m *Manager) keepAlive(ctx context.Context, l lease) error {
	last := l.asked
	for {
		if !sleep(ctx, m.cfg.TTL/5) {
			return ctx.Err()
		}
		sent := time.Now()
		deadline := last.Add(m.cfg.TTL * 2 / 3)
		call, cancel := context.WithDeadline(ctx, deadline)
		_, err := m.client.KeepAliveOnce(call, l.id)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && sent.Before(deadline):
			last = sent
		case errors.Is(err, rpctypes.ErrLeaseNotFound), !time.Now().Before(deadline):
			return errors.Join(errLeaseLost, err)
		}
	}
}
