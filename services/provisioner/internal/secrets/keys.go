package secrets

import (
	"context"
	"fmt"
	"log/slog"

	"stampworks.dev/pkg/secretbox"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

// keysPage is how many records are read at once.
const keysPage = 500

// OpenKeys reads the key file of what is sealed. What it refuses is a failure
// SECRET_UNREADABLE.
func OpenKeys(file string, sealed *store.Collection[*pb.SealedSecrets], log *slog.Logger) (*secretbox.Keys, error) {
	return secretbox.OpenKeys(secretbox.KeysConfig{
		File: file, Log: log, Refuse: unreadable,
		Whose: func(ctx context.Context, box *secretbox.Box) (string, bool, error) { return whose(ctx, sealed, box) },
	})
}

func unreadable(message string) error {
	return failure.New(typev1.Failure_SECRET_UNREADABLE, "", message)
}

// whose says whether a key of the box opens anything that is sealed, and names a
// tenant of whom something is; empty when there is none.
func whose(ctx context.Context, all *store.Collection[*pb.SealedSecrets], box *secretbox.Box) (tenant string, opens bool, err error) {
	for after := ""; ; {
		page, _, err := all.List(ctx, store.ListOptions{StartAfter: after, Limit: keysPage})
		if err != nil {
			return "", false, fmt.Errorf("look at what is sealed: %w", err)
		}
		for _, v := range page {
			after = all.ID(v.Key)
			for id, sealed := range v.Value.GetSealed() {
				tenant = after
				if box == nil || !box.Has(sealed) { // which names the key, and does not try it
					continue
				}
				if _, err := box.Open(sealed, aad(all, tenant, v.Value.GetTenantUid(), id)); err == nil {
					return tenant, true, nil
				}
			}
		}
		if len(page) < keysPage {
			return tenant, false, nil
		}
	}
}
