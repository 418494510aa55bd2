package artifact

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sync/singleflight"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// mostBytes bounds what is fetched, and what an archive unpacks to.
const mostBytes = 4 << 30

// Config says where artifacts are kept, and where they may come from.
type Config struct {
	Dir string
	// OtherUsers says that stamps have users of their own: programs of the
	// machine must be such that every user can run them.
	OtherUsers bool
	// Roots are the folders below which artifacts may be files of the machine.
	Roots []string
	// PrivateAddresses lets URLs lead to this machine and its network.
	PrivateAddresses bool
}

// Store is the artifacts of one cell. Safe for concurrent use.
type Store struct {
	dir    string
	roots  []string
	client *http.Client
	flight singleflight.Group
	host   hostPrograms
}

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Open makes the store when it is missing, and clears what a crash left.
func Open(cfg Config) (*Store, error) {
	if err := os.MkdirAll(cfg.Dir, 0o711); err != nil {
		return nil, fmt.Errorf("open artifact store: %w", err)
	}
	if err := os.Chmod(cfg.Dir, 0o711); err != nil { // others run what is in it, but do not look around
		return nil, fmt.Errorf("open artifact store: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(cfg.Dir, ".part-*"))
	if err != nil {
		return nil, fmt.Errorf("open artifact store: %w", err)
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return nil, fmt.Errorf("clear artifact store: %w", err)
		}
	}
	return &Store{
		dir: cfg.Dir, roots: cfg.Roots, client: newClient(cfg.PrivateAddresses), host: hostPrograms{others: cfg.OtherUsers},
	}, nil
}

// Resolve finds one artifact. Name is what the blueprint calls it.
func (s *Store) Resolve(ctx context.Context, name string, a driver.Artifact) (driver.ResolvedArtifact, error) {
	if err := driver.CheckComponent(name); err != nil {
		return driver.ResolvedArtifact{}, errs.New(errs.InvalidArgument, "NAME_INVALID", "resolve artifact: %w", err)
	}
	switch {
	case a.Archive != "":
		return s.fetched(ctx, name, a.Archive, a.SHA256, "", unpack)
	case a.File != "":
		return s.fetched(ctx, name, a.File, a.SHA256, "-"+name, single(name))
	case a.Host != "":
		return s.host.find(ctx, a)
	}
	return driver.ResolvedArtifact{}, errs.New(errs.FailedPrecondition, "ARTIFACT_NOT_LOCAL",
		"resolve artifact %q: a local cell needs an archive, a file or a host program", name).With("artifact", name)
}

// place puts what was fetched from a source into an empty directory.
type place func(dir, fetched, source string) error

func (s *Store) fetched(ctx context.Context, name, source, digest, suffix string, put place) (driver.ResolvedArtifact, error) {
	digest = strings.TrimPrefix(digest, "sha256:")
	if !digestForm.MatchString(digest) {
		return driver.ResolvedArtifact{}, errs.New(errs.InvalidArgument, "ARTIFACT_DIGEST_MISSING",
			"resolve artifact %q: want the sha256 of %s, 64 hexadecimal digits", name, source).With("artifact", name)
	}
	key := "sha256-" + digest + suffix
	dir := filepath.Join(s.dir, key)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		_, err, _ := s.flight.Do(key, func() (any, error) { return nil, s.fetch(ctx, dir, source, digest, put) })
		if err != nil {
			return driver.ResolvedArtifact{}, err
		}
	} else if err != nil {
		return driver.ResolvedArtifact{}, fmt.Errorf("resolve artifact %q: %w", name, err)
	}
	top, err := topDir(dir)
	if err != nil {
		return driver.ResolvedArtifact{}, err
	}
	return driver.ResolvedArtifact{Dir: top, Digest: "sha256:" + digest}, nil
}

func (s *Store) fetch(ctx context.Context, dir, source, digest string, put place) error {
	if _, err := os.Stat(dir); err == nil {
		return nil // another flight has just landed
	}
	part, err := os.MkdirTemp(s.dir, ".part-*")
	if err != nil {
		return fmt.Errorf("fetch artifact: %w", err)
	}
	defer func() { _ = os.RemoveAll(part) }() // what is kept was renamed away
	file := filepath.Join(part, "fetched")
	got, err := s.download(ctx, source, file)
	if err != nil {
		return err
	}
	if got != digest {
		return errs.New(errs.FailedPrecondition, "ARTIFACT_DIGEST_MISMATCH",
			"fetch artifact %s: its sha256 is not %s, as the blueprint says", source, digest).With("source", source)
	}
	whole := filepath.Join(part, "whole")
	if err := os.Mkdir(whole, 0o755); err != nil {
		return fmt.Errorf("fetch artifact: %w", err)
	}
	if err := put(whole, file, source); err != nil {
		return fmt.Errorf("unpack artifact %s: %w", source, err)
	}
	if err := os.Chmod(whole, 0o755); err != nil { // whatever the umask is
		return fmt.Errorf("keep artifact: %w", err)
	}
	if err := os.Rename(whole, dir); err != nil {
		return fmt.Errorf("keep artifact: %w", err)
	}
	return nil
}

// topDir steps into an archive that holds one directory and nothing else, as
// releases do (helpdesk-1.4.0/…).
func topDir(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("read artifact: %w", err)
	}
	if len(entries) == 1 && entries[0].IsDir() && entries[0].Name() != "bin" {
		return filepath.Join(dir, entries[0].Name()), nil
	}
	return dir, nil
}

// single keeps one program under its artifact's name.
func single(name string) place {
	return func(dir, fetched, _ string) error {
		to := filepath.Join(dir, name)
		if err := os.Rename(fetched, to); err != nil {
			return err
		}
		return os.Chmod(to, 0o555)
	}
}
