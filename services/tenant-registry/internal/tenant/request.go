package tenant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// RequestRetention is how long a request id makes a creation repeatable.
const RequestRetention = 24 * time.Hour

// payloadKey is the annotation of a remembered request that holds the SHA-256 of
// what was asked. The record is the tenant as it was made, without its inputs.
const payloadKey = "payload"

// remembered gives the answer that a request id got before. The condition holds
// as long as nobody uses the id meanwhile.
func (t *Tenants) remembered(ctx context.Context, requestID, payload string) (*Change, store.Cond, error) {
	id := hash(requestID)
	item, err := t.requests.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, store.Absent(t.requests.Key(id)), nil
	}
	if err != nil {
		return nil, store.Cond{}, fmt.Errorf("look up request: %w", err)
	}
	if time.Since(item.Value.GetCreateTime().AsTime()) > RequestRetention {
		return nil, store.ModRevisionIs(item.Key, item.ModRevision), nil
	}
	if item.Value.GetAnnotations()[payloadKey] != payload {
		return nil, store.Cond{}, ErrKeyReused.With("tenant", item.Value.GetName())
	}
	before, _ := proto.Clone(item.Value).(*registryv1.Tenant)
	before.Annotations = nil
	return &Change{Tenant: before, Kind: typev1.OperationMetadata_CREATE}, store.Cond{}, nil
}

func (t *Tenants) remember(requestID, payload string, spec *registryv1.Tenant) store.Op {
	return t.requests.PutOp(hash(requestID), &registryv1.Tenant{
		Name: spec.GetName(), Uid: spec.GetUid(), DisplayName: spec.GetDisplayName(), Generation: spec.GetGeneration(),
		Blueprint: spec.GetBlueprint(), Plan: spec.GetPlan(), CreateTime: spec.GetCreateTime(), GenerationTime: spec.GetGenerationTime(),
		GenerationKind: spec.GetGenerationKind(),
		Traceparent:    spec.GetTraceparent(), Annotations: map[string]string{payloadKey: payload},
	})
}

// payloadOf tells requests apart: the id asked for and every field that was sent.
func payloadOf(id string, wish *registryv1.Tenant) (string, error) {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(wish)
	if err != nil {
		return "", fmt.Errorf("encode request: %w", err)
	}
	return hash(id + "\x00" + string(raw)), nil
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// sweepRequests forgets requests that are past RequestRetention.
func (t *Tenants) sweepRequests(ctx context.Context, now time.Time) error {
	items, _, err := t.requests.List(ctx, store.ListOptions{})
	if err != nil {
		return fmt.Errorf("sweep requests: %w", err)
	}
	for _, item := range items {
		if now.Sub(item.Value.GetCreateTime().AsTime()) <= RequestRetention {
			continue
		}
		if _, err := t.backend.Txn(ctx, []store.Cond{store.ModRevisionIs(item.Key, item.ModRevision)}, []store.Op{store.DeleteOp(item.Key)}); err != nil {
			return fmt.Errorf("sweep requests: %w", err)
		}
	}
	return nil
}
