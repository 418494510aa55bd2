package secretbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"
)

// keysEvery is how often the key file is looked at.
const keysEvery = 5 * time.Second

// KeysConfig is what Keys are told.
type KeysConfig struct {
	File string
	// Whose says whether a key of the box opens anything that is sealed, and names
	// whose something is, such as "acme"; empty when nothing is sealed. The box is
	// nil while there is no file.
	Whose func(ctx context.Context, box *Box) (whose string, opens bool, err error)
	// Refuse makes the error of what cannot be done with the file as it is.
	Refuse func(message string) error
	Log    *slog.Logger
}

// Keys is the Box of a key file that may be lost. A new key is made only while
// nothing is sealed: beside secrets that no key of the file opens it would hide
// the loss, and new secrets under it would make two key files of one. So nothing
// is sealed then, and what is put back is taken up by itself. It is safe for
// concurrent use.
type Keys struct {
	cfg KeysConfig

	mu      sync.Mutex
	box     *Box          // nil: there is no key file
	fits    bool          // it has the key of something that is sealed
	changed chan struct{} // closed when another file is taken up
}

// OpenKeys reads the key file. That there is none is no error yet; one that
// cannot be used is.
func OpenKeys(cfg KeysConfig) (*Keys, error) {
	k := &Keys{cfg: cfg, changed: make(chan struct{})}
	box, err := Read(cfg.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	k.box = box
	return k, nil
}

// Run looks after the key file: at the first start it makes it, later it takes up
// the right one, and says when that is lost or replaced.
func (k *Keys) Run(ctx context.Context) error {
	tick := time.NewTicker(keysEvery)
	defer tick.Stop()
	said := ""
	for {
		said = k.tell(ctx, said, k.MaySeal(ctx))
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// tell logs what is new about the file.
func (k *Keys) tell(ctx context.Context, said string, err error) string {
	switch {
	case ctx.Err() != nil:
	case err == nil && said != "":
		k.cfg.Log.InfoContext(ctx, "key file of the secrets is used", "file", k.cfg.File)
		return ""
	case err != nil && err.Error() != said:
		k.cfg.Log.ErrorContext(ctx, "key file of the secrets is not used", "error", err)
		return err.Error()
	}
	return said
}

// MaySeal says why nothing may be sealed: while something is sealed, and nothing
// of it under a key of the file, or the file is not the one that is used.
func (k *Keys) MaySeal(ctx context.Context) error {
	k.mu.Lock()
	box, fits := k.box, k.fits
	k.mu.Unlock()
	if fits {
		return k.stillThere(box)
	}
	box, err := Read(k.cfg.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return k.refuse("The key file %s cannot be used: %v.", k.cfg.File, err)
	}
	whose, opens, err := k.cfg.Whose(ctx, box)
	switch {
	case err != nil:
		return err
	case opens:
	case whose != "" && box == nil:
		return k.refuse("The key file %s is not there, and secrets are sealed under keys that it had, such as those of %s. No new one is made.", k.cfg.File, whose)
	case whose != "":
		return k.refuse("The key file %s is another one: it has no key under which anything is sealed, such as the secrets of %s.", k.cfg.File, whose)
	case box == nil:
		if box, err = Open(k.cfg.File); err != nil {
			return fmt.Errorf("make key file: %w", err)
		}
	}
	k.take(box, opens)
	return nil
}

// stillThere keeps a file that was lost or replaced while it is used from being
// missed only by the next start, when what was sealed since could not be opened
// any more.
func (k *Keys) stillThere(used *Box) error {
	const still = "This process still has the keys of before, and the next start will not: nothing more is sealed until they are back."
	box, err := Read(k.cfg.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return k.refuse("The key file %s is gone. %s", k.cfg.File, still)
	case err != nil:
		return k.refuse("The key file %s cannot be used any more: %v. %s", k.cfg.File, err, still)
	case !box.opensWhatSeals(used):
		return k.refuse("The key file %s is another one by now: it does not have the key that seals here. %s", k.cfg.File, still)
	}
	return nil
}

func (k *Keys) refuse(format string, args ...any) error {
	return k.cfg.Refuse(fmt.Sprintf(format, args...))
}

// take takes up a key file. It is sure only when something is sealed under it:
// until then another replica may make the first secret, under another key.
func (k *Keys) take(box *Box, fits bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.box != nil && k.fits == fits && box.same(k.box) {
		return
	}
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

func (k *Keys) now() (*Box, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.box == nil {
		return nil, k.refuse("The key file %s is not there.", k.cfg.File)
	}
	return k.box, nil
}

// Seal is [Box.Seal]. Who seals something asks MaySeal first.
func (k *Keys) Seal(plaintext, aad []byte) ([]byte, error) {
	box, err := k.now()
	if err != nil {
		return nil, err
	}
	return box.Seal(plaintext, aad)
}

// Open is [Box.Open].
func (k *Keys) Open(ciphertext, aad []byte) ([]byte, error) {
	box, err := k.now()
	if err != nil {
		return nil, err
	}
	return box.Open(ciphertext, aad)
}

// Current is [Box.Current]; without a file nothing can be sealed again.
func (k *Keys) Current(ciphertext []byte) bool {
	box, err := k.now()
	return err != nil || box.Current(ciphertext)
}

// Has is [Box.Has].
func (k *Keys) Has(ciphertext []byte) bool {
	box, err := k.now()
	return err == nil && box.Has(ciphertext)
}
