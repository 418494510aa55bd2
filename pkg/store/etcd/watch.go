package etcd

import (
	"context"
	"errors"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/metadata"

	"stampworks.dev/pkg/store"
)

// streamHeader tells watch streams apart: the etcd client puts watches with
// equal headers on one stream.
const streamHeader = "stampworks-stream"

// Watch gives the events under prefix after a revision.
func (b *Backend) Watch(ctx context.Context, prefix string, after int64) (<-chan store.Event, func() error) {
	w := &watch{out: make(chan store.Event), done: make(chan struct{})}
	go w.run(ctx, b.client, prefix, after) // ends with ctx or the client
	return w.out, func() error {
		<-w.done
		return w.err
	}
}

// RequestProgress asks for a Progress event on the watches of ctx's stream.
func (b *Backend) RequestProgress(ctx context.Context) error {
	return mapError(ctx, b.client.RequestProgress(streamContext(ctx)))
}

type watch struct {
	out  chan store.Event
	done chan struct{}
	err  error // set before done is closed
}

func (w *watch) run(parent context.Context, client *clientv3.Client, prefix string, after int64) {
	defer close(w.done)
	defer close(w.out)
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	responses := client.Watch(streamContext(ctx), prefix,
		clientv3.WithPrefix(), clientv3.WithRev(after+1), clientv3.WithProgressNotify())
	for resp := range responses {
		if err := resp.Err(); err != nil {
			w.err = mapError(parent, err)
			return
		}
		if err := w.deliver(ctx, resp); err != nil {
			w.err = mapError(parent, err)
			return
		}
	}
	if w.err = mapError(parent, parent.Err()); w.err == nil {
		w.err = store.ErrUnavailable.Because(errors.New("watch stream closed"))
	}
}

func (w *watch) deliver(ctx context.Context, resp clientv3.WatchResponse) error {
	if resp.IsProgressNotify() {
		return w.send(ctx, store.Event{Type: store.Progress, Revision: resp.Header.GetRevision()})
	}
	for i, raw := range resp.Events {
		ev := store.Event{Type: store.Put, KV: fromPB(raw.Kv), Revision: raw.Kv.ModRevision}
		if raw.Type == clientv3.EventTypeDelete {
			ev.Type = store.Delete
			ev.KV = store.KV{Key: string(raw.Kv.Key)}
		}
		// A response never splits a revision, unless fragments were asked for.
		ev.More = i+1 < len(resp.Events) && resp.Events[i+1].Kv.ModRevision == ev.Revision
		if err := w.send(ctx, ev); err != nil {
			return err
		}
	}
	return nil
}

func (w *watch) send(ctx context.Context, ev store.Event) error {
	select {
	case w.out <- ev:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func streamContext(ctx context.Context) context.Context {
	ctx = clientv3.WithRequireLeader(ctx)
	if name := store.StreamOf(ctx); name != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, streamHeader, name)
	}
	return ctx
}
