package etcd

import (
	"context"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"stampworks.dev/pkg/store"
)

// revisionKey is never written: reading it costs one round of consensus and
// tells the newest revision.
const revisionKey = "/stampworks/revision"

// Get reads one key, as of now.
func (b *Backend) Get(ctx context.Context, key string) (store.KV, error) {
	if err := store.CheckKey(key); err != nil {
		return store.KV{}, err
	}
	op, cancel := bounded(ctx)
	defer cancel()
	resp, err := b.client.Get(op, key)
	if err != nil {
		return store.KV{}, mapError(ctx, err)
	}
	if len(resp.Kvs) == 0 {
		return store.KV{}, store.ErrNotFound.With("key", key)
	}
	return fromPB(resp.Kvs[0]), nil
}

// List reads keys with a prefix in ascending order.
func (b *Backend) List(ctx context.Context, q store.ListQuery) (store.ListResult, error) {
	from := q.Prefix
	if q.StartAfter >= q.Prefix && q.StartAfter != "" {
		from = q.StartAfter + "\x00"
	}
	op, cancel := bounded(ctx)
	defer cancel()
	resp, err := b.client.Get(op, from,
		clientv3.WithRange(clientv3.GetPrefixRangeEnd(q.Prefix)),
		clientv3.WithLimit(int64(q.Limit)),
		clientv3.WithRev(q.Revision))
	if err != nil {
		return store.ListResult{}, mapError(ctx, err)
	}
	res := store.ListResult{Items: make([]store.KV, len(resp.Kvs)), Revision: resp.Header.GetRevision(), More: resp.More}
	if q.Revision > 0 {
		res.Revision = q.Revision
	}
	for i, kv := range resp.Kvs {
		res.Items[i] = fromPB(kv)
	}
	return res, nil
}

// Txn applies ops when all conds are true.
func (b *Backend) Txn(ctx context.Context, conds []store.Cond, ops []store.Op) (store.TxnResult, error) {
	if err := store.CheckTxn(conds, ops); err != nil {
		return store.TxnResult{}, err
	}
	cmps := make([]clientv3.Cmp, len(conds))
	for i, c := range conds {
		cmps[i] = compare(c)
	}
	writes := make([]clientv3.Op, len(ops))
	for i, o := range ops {
		writes[i] = write(o)
	}
	op, cancel := bounded(ctx)
	defer cancel()
	resp, err := b.client.Txn(op).If(cmps...).Then(writes...).Commit()
	if err != nil {
		return store.TxnResult{}, mapError(ctx, err)
	}
	if !resp.Succeeded && len(ops) > 0 {
		b.conflicts.Add(ctx, 1)
	}
	return store.TxnResult{Succeeded: resp.Succeeded, Revision: resp.Header.GetRevision()}, nil
}

// Revision is the newest revision, as of now.
func (b *Backend) Revision(ctx context.Context) (int64, error) {
	op, cancel := bounded(ctx)
	defer cancel()
	resp, err := b.client.Get(op, revisionKey, clientv3.WithCountOnly())
	if err != nil {
		return 0, mapError(ctx, err)
	}
	return resp.Header.GetRevision(), nil
}

func compare(c store.Cond) clientv3.Cmp {
	switch c.Kind {
	case store.CondModRevision:
		return clientv3.Compare(clientv3.ModRevision(c.Key), "=", c.Revision)
	case store.CondExists:
		return clientv3.Compare(clientv3.CreateRevision(c.Key), ">", 0)
	default:
		return clientv3.Compare(clientv3.CreateRevision(c.Key), "=", c.Revision)
	}
}

func write(o store.Op) clientv3.Op {
	if o.Type == store.Delete {
		return clientv3.OpDelete(o.Key)
	}
	return clientv3.OpPut(o.Key, string(o.Value))
}

func fromPB(kv *mvccpb.KeyValue) store.KV {
	return store.KV{Key: string(kv.Key), Value: kv.Value, CreateRevision: kv.CreateRevision, ModRevision: kv.ModRevision}
}
