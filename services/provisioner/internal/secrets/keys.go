package secrets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"stampworks.dev/pkg/secretbox"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

const (
	// keysEvery is how often a key file that is missing, or another one, is looked
	// for again.
	keysEvery = 5 * time.Second
	// keysPage is how many records are read at once.
	keysPage = 500
)

// Keys is the Box of a key file that may be lost. A new key is made only while
// nothing is sealed: beside secrets that no key of the file opens it would hide
// the loss, and new secrets under it would make two key files of one. So nothing
// is sealed then, and what is put back is taken up by itself. It is safe for
// concurrent use.
type Keys struct {
	file   string
	sealed *store.Collection[*pb.SealedSecrets]
	log    *slog.Logger

	mu      sync.Mutex
	box     *secretbox.Box // nil: there is no key file
	fits    bool           // it has the key of something that is sealed
	changed chan struct{}  // closed when another file is taken up
}

// OpenKeys reads the key file. That there is none is no error yet; one that
// cannot be used is.
func OpenKeys(file string, sealed *store.Collection[*pb.SealedSecrets], log *slog.Logger) (*Keys, error) {
	k := &Keys{file: file, sealed: sealed, log: log, changed: make(chan struct{})}
	box, err := secretbox.Read(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	k.box = box
	return k, nil
}

// Run looks after the key file until it is the right one: at the first start it
// makes it.
func (k *Keys) Run(ctx context.Context) error {
	tick := time.NewTicker(keysEvery)
	defer tick.Stop()
	said := ""
	for {
		err := k.MaySeal(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			k.log.ErrorContext(ctx, "key file of the secrets is not used", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// MaySeal says why nothing may be sealed: a failure SECRET_UNREADABLE while
// secrets are sealed, none of them under a key of the file, or the file is gone.
func (k *Keys) MaySeal(ctx context.Context) error {
	k.mu.Lock()
	fits := k.fits
	k.mu.Unlock()
	if fits {
		return k.stillThere()
	}
	box, err := secretbox.Read(k.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unreadable(fmt.Sprintf("The key file %s cannot be used: %v.", k.file, err))
	}
	tenant, known, err := k.look(ctx, box)
	switch {
	case err != nil:
		return err
	case known:
	case tenant != "" && box == nil:
		return unreadable(fmt.Sprintf("The key file %s is not there, and secrets are sealed under keys that it had, such as those of %s. No new one is made.", k.file, tenant))
	case tenant != "":
		return unreadable(fmt.Sprintf("The key file %s is another one: it has no key under which anything is sealed, such as the secrets of %s.", k.file, tenant))
	case box == nil:
		if box, err = secretbox.Open(k.file); err != nil {
			return fmt.Errorf("make key file: %w", err)
		}
	}
	k.take(box, known)
	return nil
}

// stillThere keeps a file that was lost while it is used from being missed only by
// the next start, when what was sealed since could not be opened any more.
func (k *Keys) stillThere() error {
	if _, err := os.Stat(k.file); errors.Is(err, fs.ErrNotExist) {
		return unreadable(fmt.Sprintf("The key file %s is gone. This provisioner still has its keys, and the next start will not: nothing more is sealed until it is back.", k.file))
	}
	return nil
}

func unreadable(message string) error {
	return failure.New(typev1.Failure_SECRET_UNREADABLE, "", message)
}

// look says whether a key of the box opens anything that is sealed, and names a
// tenant of whom something is; empty when there is none.
func (k *Keys) look(ctx context.Context, box *secretbox.Box) (tenant string, known bool, err error) {
	for after := ""; ; {
		page, _, err := k.sealed.List(ctx, store.ListOptions{StartAfter: after, Limit: keysPage})
		if err != nil {
			return "", false, fmt.Errorf("look at what is sealed: %w", err)
		}
		for _, v := range page {
			after = k.sealed.ID(v.Key)
			for id, sealed := range v.Value.GetSealed() {
				tenant = after
				if box == nil || !box.Has(sealed) { // which names the key, and does not try it
					continue
				}
				if _, err := box.Open(sealed, aad(k.sealed, tenant, v.Value.GetTenantUid(), id)); err == nil {
					return tenant, true, nil
				}
			}
		}
		if len(page) < keysPage {
			return tenant, false, nil
		}
	}
}

// take takes up a key file. It is sure only when something is sealed under it:
// until then another replica may make the first secret, under another key.
func (k *Keys) take(box *secretbox.Box, fits bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.box, k.fits = box, fits
	close(k.changed)
	k.changed = make(chan struct{})
}

// Changed gives a channel that is closed when a key file is taken up.
func (k *Keys) Changed() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changed
}

func (k *Keys) now() (*secretbox.Box, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.box == nil {
		return nil, unreadable(fmt.Sprintf("The key file %s is not there.", k.file))
	}
	return k.box, nil
}

// Seal is [secretbox.Box.Seal]. Who seals something asks MaySeal first.
func (k *Keys) Seal(plaintext, aad []byte) ([]byte, error) {
	box, err := k.now()
	if err != nil {
		return nil, err
	}
	return box.Seal(plaintext, aad)
}

// Open is [secretbox.Box.Open].
func (k *Keys) Open(ciphertext, aad []byte) ([]byte, error) {
	box, err := k.now()
	if err != nil {
		return nil, err
	}
	return box.Open(ciphertext, aad)
}

// Current is [secretbox.Box.Current]; without a file nothing can be sealed again.
func (k *Keys) Current(ciphertext []byte) bool {
	box, err := k.now()
	return err != nil || box.Current(ciphertext)
}

// Has is [secretbox.Box.Has].
func (k *Keys) Has(ciphertext []byte) bool {
	box, err := k.now()
	return err == nil && box.Has(ciphertext)
}
