package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"stampworks.dev/pkg/store"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/webhook"
)

// Overlap is how long the secret before goes on proving messages.
const Overlap = 24 * time.Hour

// secretsPrefix is where they are, sealed, below that of all keys.
const secretsPrefix = "source-secrets/"

// keyring is what is sealed: a source's secrets as they were pasted.
type keyring struct {
	Now    string    `json:"now"`
	Before string    `json:"before,omitempty"`
	Until  time.Time `json:"until"` // when Before ends
}

// Keys gives the secrets that prove a source's messages at this time.
func (s *Sources) Keys(ctx context.Context, name names.Source, at time.Time) ([][]byte, error) {
	ring, _, err := s.keyring(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNotFound.Naming("source", name.String())
	}
	if err != nil {
		return nil, err
	}
	texts := []string{ring.Now}
	if ring.Before != "" && at.Before(ring.Until) {
		texts = append(texts, ring.Before)
	}
	keys := make([][]byte, 0, len(texts))
	for _, text := range texts {
		key, err := webhook.ParseSecret("secret", text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func (s *Sources) keyring(ctx context.Context, name names.Source) (keyring, int64, error) {
	path := s.secretKey(name)
	kv, err := s.backend.Get(ctx, path)
	if err != nil {
		return keyring{}, 0, fmt.Errorf("get secrets of source %q: %w", name.ID, err)
	}
	plain, err := s.keys.Open(kv.Value, []byte(path))
	if err != nil {
		return keyring{}, 0, fmt.Errorf("open secrets of source %q: %w", name.ID, unopened(err))
	}
	var ring keyring
	if err := json.Unmarshal(plain, &ring); err != nil {
		return keyring{}, 0, fmt.Errorf("decode secrets of source %q", name.ID) // the cause could quote them
	}
	return ring, kv.ModRevision, nil
}

func (s *Sources) sealOp(ctx context.Context, name names.Source, ring keyring) (store.Op, error) {
	if err := s.keys.MaySeal(ctx); err != nil {
		return store.Op{}, err
	}
	plain, err := json.Marshal(ring)
	if err != nil {
		return store.Op{}, fmt.Errorf("encode secrets of source %q: %w", name.ID, err)
	}
	path := s.secretKey(name)
	sealed, err := s.keys.Seal(plain, []byte(path))
	if err != nil {
		return store.Op{}, fmt.Errorf("seal secrets of source %q: %w", name.ID, err)
	}
	return store.PutOp(path, sealed), nil
}

func (s *Sources) secretKey(name names.Source) string { return s.prefix + secretsPrefix + name.ID }
