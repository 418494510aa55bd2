package claim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// view is what etcd says at one revision.
type view struct {
	members []Member
	held    map[string]holding // by claim id
}

// holding is a claim that somebody has.
type holding struct {
	token int64
	lease clientv3.LeaseID
}

func (m *Manager) claimKey(id string) string { return m.cfg.Prefix + "claims/" + id }

func (m *Manager) memberKey() string { return m.cfg.Prefix + "members/" + m.cfg.Replica }

// look reads members and claims at one revision: whole, since etcd 3.7 leaves the
// lease out of an answer of keys only.
func (m *Manager) look(ctx context.Context) (view, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := m.client.Txn(ctx).Then(
		clientv3.OpGet(m.cfg.Prefix+"members/", clientv3.WithPrefix()),
		clientv3.OpGet(m.cfg.Prefix+"claims/", clientv3.WithPrefix()),
	).Commit()
	if err != nil {
		return view{}, fmt.Errorf("read members and claims: %w", err)
	}
	v := view{held: map[string]holding{}}
	for _, kv := range resp.Responses[0].GetResponseRange().GetKvs() {
		var one Member
		if err := json.Unmarshal(kv.Value, &one); err != nil {
			return view{}, fmt.Errorf("decode member %q: %w", kv.Key, err)
		}
		v.members = append(v.members, one)
	}
	for _, kv := range resp.Responses[1].GetResponseRange().GetKvs() {
		id := strings.TrimPrefix(string(kv.Key), m.cfg.Prefix+"claims/")
		v.held[id] = holding{token: kv.CreateRevision, lease: clientv3.LeaseID(kv.Lease)}
	}
	return v, nil
}

// reaching is who may take a shard of a cell.
func (v view) reaching(cell string) []string {
	var names []string
	for _, one := range v.members {
		if one.Cells[cell] > 0 {
			names = append(names, one.Replica)
		}
	}
	return names
}

// willing is who may take a named claim.
func (v view) willing(name string) []string {
	var names []string
	for _, one := range v.members {
		if slices.Contains(one.Names, name) {
			names = append(names, one.Replica)
		}
	}
	return names
}

// announce makes this replica a member. False says that the name is taken: by a
// lease of ours that has yet to end, or by another replica of the same name.
func (m *Manager) announce(ctx context.Context, lease clientv3.LeaseID) (bool, error) {
	raw, err := json.Marshal(m.self())
	if err != nil {
		return false, fmt.Errorf("encode member: %w", err)
	}
	return m.put(ctx, m.memberKey(), string(raw), lease)
}

// put sets a key under the lease if there is none; true also when the key is
// under this lease already.
func (m *Manager) put(ctx context.Context, key, value string, lease clientv3.LeaseID) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := m.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, value, clientv3.WithLease(lease))).
		Else(clientv3.OpGet(key)).
		Commit()
	if err != nil {
		return false, fmt.Errorf("take %q: %w", key, err)
	}
	if resp.Succeeded {
		return true, nil
	}
	there := resp.Responses[0].GetResponseRange().GetKvs()
	return len(there) == 1 && clientv3.LeaseID(there[0].Lease) == lease, nil
}
