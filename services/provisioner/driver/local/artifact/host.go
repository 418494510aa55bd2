package artifact

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// elsewhere are directories outside of PATH in which distributions keep
// servers: Debian has one for each major version of PostgreSQL.
var elsewhere = []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/sbin", "/usr/sbin", "/opt/homebrew/bin"}

var versionForm = regexp.MustCompile(`\d+(\.\d+){0,2}`)

// hostPrograms remembers what programs said of their version.
type hostPrograms struct {
	mu    sync.Mutex
	known map[string]said
}

type said struct {
	changed time.Time
	version string // empty when it says none
}

// find takes the newest accepted program: PATH first, then elsewhere.
func (h *hostPrograms) find(ctx context.Context, a driver.Artifact) (driver.ResolvedArtifact, error) {
	accepted, err := constraint(a.Version)
	if err != nil {
		return driver.ResolvedArtifact{}, err
	}
	if a.Host != filepath.Base(a.Host) || a.Host == "." || a.Host == ".." {
		return driver.ResolvedArtifact{}, errs.New(errs.InvalidArgument, "INVALID_NAME", "find program %q: want a name without a path", a.Host)
	}
	var best driver.ResolvedArtifact
	var bestVersion *semver.Version
	var others []string
	for _, path := range candidates(a.Host) {
		text := h.version(ctx, path)
		v, err := semver.NewVersion(text)
		if accepted != nil && (err != nil || !accepted.Check(v)) {
			others = append(others, path+" "+text)
			continue
		}
		if bestVersion == nil && best.Dir == "" || bestVersion != nil && v != nil && v.GreaterThan(bestVersion) {
			best, bestVersion = driver.ResolvedArtifact{Dir: filepath.Dir(path), Version: text}, v
		}
	}
	if best.Dir != "" {
		return best, nil
	}
	missing := errs.New(errs.FailedPrecondition, "PROGRAM_MISSING", "find program %q %s: this host does not have it", a.Host, a.Version)
	if len(others) > 0 {
		missing = errs.New(errs.FailedPrecondition, "PROGRAM_MISSING", "find program %q %s: this host has only %q", a.Host, a.Version, others)
	}
	return driver.ResolvedArtifact{}, missing.With("program", a.Host)
}

func constraint(text string) (*semver.Constraints, error) {
	if text == "" {
		return nil, nil
	}
	c, err := semver.NewConstraint(text)
	if err != nil {
		return nil, errs.New(errs.InvalidArgument, "INVALID_VERSION", "read accepted versions %q: %w", text, err)
	}
	return c, nil
}

// candidates are the program's places, links resolved: a wrapper in PATH hides
// where its siblings are.
func candidates(name string) []string {
	var all []string
	add := func(path string) {
		if real, err := filepath.EvalSymlinks(path); err == nil && filepath.Base(real) == name {
			path = real
		}
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && !slices.Contains(all, path) {
			all = append(all, path)
		}
	}
	if path, err := exec.LookPath(name); err == nil && filepath.IsAbs(path) {
		add(path)
	}
	for _, pattern := range elsewhere {
		paths, _ := filepath.Glob(filepath.Join(pattern, name)) // the patterns are ours, and good
		for _, path := range paths {
			add(path)
		}
	}
	return all
}

// version asks the program, once as long as its file does not change.
func (h *hostPrograms) version(ctx context.Context, path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if known, has := h.known[path]; has && known.changed.Equal(info.ModTime()) {
		return known.version
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.WaitDelay = time.Second
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"}
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "" // asked again next time
	}
	version := ""
	if err == nil {
		version = versionForm.FindString(string(out))
	}
	if h.known == nil {
		h.known = map[string]said{}
	}
	h.known[path] = said{changed: info.ModTime(), version: version}
	return version
}

// Programs gives those of the names that the machine has, with what they say of
// their version.
func (s *Store) Programs(ctx context.Context, names []string) map[string]string {
	found := map[string]string{}
	for _, name := range names {
		if r, err := s.host.find(ctx, driver.Artifact{Host: name}); err == nil {
			found[name] = r.Version
		}
	}
	return found
}
