package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// RequestRetention is how long a request id makes a creation repeatable.
const RequestRetention = 24 * time.Hour

// request is a creation that was answered before. Payload is a hash: what was
// asked may hold a secret.
type request struct {
	Payload string    `json:"payload"`
	Made    bool      `json:"made"` // the secret was made here
	At      time.Time `json:"at"`
}

// memory is how to remember a request in the transaction that carries it out.
type memory struct {
	unused store.Cond
	op     func(made bool) store.Op
}

// remembered gives the answer that a request id got before, the secret that was
// made for it included: that answer may have been lost.
func (s *Sources) remembered(ctx context.Context, name names.Source, asked *registryv1.Source, requestID string) (*registryv1.Source, memory, error) {
	if requestID == "" {
		return nil, memory{}, nil
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(asked)
	if err != nil {
		return nil, memory{}, fmt.Errorf("encode request: %w", err)
	}
	payload, key := hash(name.ID+"\x00"+string(raw)), s.prefix+"requests/sources/"+hash(requestID)
	m := memory{unused: store.Absent(key), op: func(made bool) store.Op {
		record, err := json.Marshal(request{Payload: payload, Made: made, At: time.Now()})
		return store.Op{Type: store.Put, Key: key, Value: record, Err: err}
	}}
	kv, err := s.backend.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, m, nil
	}
	if err != nil {
		return nil, m, fmt.Errorf("look up request: %w", err)
	}
	var before request
	if err := json.Unmarshal(kv.Value, &before); err != nil {
		return nil, m, fmt.Errorf("decode request %q: %w", key, err)
	}
	if time.Since(before.At) > RequestRetention {
		m.unused = store.ModRevisionIs(key, kv.ModRevision)
		return nil, m, nil
	}
	if before.Payload != payload {
		return nil, m, ErrKeyReused.With("source", name.String())
	}
	whole, err := s.Get(ctx, name)
	if err != nil {
		return nil, m, err
	}
	ring, _, err := s.keyring(ctx, name)
	if err != nil {
		return nil, m, err
	}
	return shown(whole, ring.Now, before.Made), m, nil
}

// Sweep forgets requests that are past RequestRetention.
func (s *Sources) Sweep(ctx context.Context, now time.Time) error {
	list, err := s.backend.List(ctx, store.ListQuery{Prefix: s.prefix + "requests/sources/"})
	if err != nil {
		return fmt.Errorf("sweep requests: %w", err)
	}
	for _, kv := range list.Items {
		var r request
		if err := json.Unmarshal(kv.Value, &r); err == nil && now.Sub(r.At) <= RequestRetention {
			continue
		}
		if _, err := s.backend.Txn(ctx, []store.Cond{store.ModRevisionIs(kv.Key, kv.ModRevision)}, []store.Op{store.DeleteOp(kv.Key)}); err != nil {
			return fmt.Errorf("sweep requests: %w", err)
		}
	}
	return nil
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
