package source

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/secretbox"
	"stampworks.dev/pkg/store"
)

// OpenKeys reads the key file of the sources' secrets below the prefix. While what
// is sealed is under another file's keys none is made, and nothing is sealed.
func OpenKeys(file string, backend store.Backend, prefix string, log *slog.Logger) (*secretbox.Keys, error) {
	return secretbox.OpenKeys(secretbox.KeysConfig{
		File: file, Log: log,
		Refuse: func(message string) error {
			return errs.New(errs.FailedPrecondition, "SECRET_KEY_MISSING", "secrets of sources can be neither sealed nor opened, so put the registry's key file back: %s", message)
		},
		Whose: func(ctx context.Context, box *secretbox.Box) (string, bool, error) {
			return whose(ctx, backend, prefix, box)
		},
	})
}

// whose says whether a key of the box opens anything that is sealed, and names a
// source whose secret is; empty when there is none.
func whose(ctx context.Context, backend store.Backend, prefix string, box *secretbox.Box) (name string, opens bool, err error) {
	all, err := backend.List(ctx, store.ListQuery{Prefix: prefix + secretsPrefix})
	if err != nil {
		return "", false, fmt.Errorf("look at what is sealed: %w", err)
	}
	for _, kv := range all.Items {
		name = "source " + strings.TrimPrefix(kv.Key, prefix+secretsPrefix)
		if box == nil {
			continue
		}
		if _, err := box.Open(kv.Value, []byte(kv.Key)); err == nil {
			return name, true, nil
		}
	}
	return name, false, nil
}

// unopened is the error of secrets that do not open. Whoever asked, such as a
// sender, hears only that; what is the matter with the file is for the log.
func unopened(err error) error { return fmt.Errorf("%w: %w", secretbox.ErrSealed, err) }
