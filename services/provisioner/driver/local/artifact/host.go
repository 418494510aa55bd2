package artifact

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/Masterminds/semver/v3"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// elsewhere are directories outside of PATH in which distributions keep
// servers: Debian has one for each major version of PostgreSQL.
var elsewhere = []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/sbin", "/usr/sbin", "/opt/homebrew/bin"}

var versionForm = regexp.MustCompile(`\d+(\.\d+){0,2}`)

// hostPrograms finds programs of the machine.
type hostPrograms struct {
	others   bool // only those that every user can run
	versions versions
}

// find takes the first accepted program of PATH, else the newest accepted one
// of the other places.
func (h *hostPrograms) find(ctx context.Context, a driver.Artifact) (driver.ResolvedArtifact, error) {
	accepted, err := constraint(a.Version)
	if err != nil {
		return driver.ResolvedArtifact{}, err
	}
	if a.Host != filepath.Base(a.Host) || a.Host == "." || a.Host == ".." {
		return driver.ResolvedArtifact{}, errs.New(errs.InvalidArgument, "NAME_INVALID", "find program %q: want a name without a path", a.Host)
	}
	var others []string
	places := [][]string{}
	for _, path := range inPath(a.Host) {
		places = append(places, []string{path})
	}
	for _, places := range append(places, inOtherPlaces(a.Host)) {
		var best driver.ResolvedArtifact
		var newest *semver.Version
		for _, path := range places {
			if h.others && !passable(path) {
				others = append(others, path+" (other users cannot reach it)")
				continue
			}
			text := h.versions.of(ctx, path, h.others)
			v, err := semver.NewVersion(text)
			if accepted != nil && (err != nil || !accepted.Check(v)) {
				others = append(others, path+" "+text)
				continue
			}
			if best.Dir == "" || newest != nil && v != nil && v.GreaterThan(newest) {
				best, newest = driver.ResolvedArtifact{Dir: filepath.Dir(path), Version: text}, v
			}
		}
		if best.Dir != "" {
			return best, nil
		}
	}
	return driver.ResolvedArtifact{}, missing(a, others)
}

func missing(a driver.Artifact, others []string) error {
	e := errs.New(errs.FailedPrecondition, "PROGRAM_MISSING", "find program %q %s: this host does not have it", a.Host, a.Version)
	if len(others) > 0 {
		e = errs.New(errs.FailedPrecondition, "PROGRAM_MISSING", "find program %q %s: this host has only %q", a.Host, a.Version, others)
	}
	return e.With("program", a.Host)
}

func constraint(text string) (*semver.Constraints, error) {
	if text == "" {
		return nil, nil
	}
	c, err := semver.NewConstraint(text)
	if err != nil {
		return nil, errs.New(errs.InvalidArgument, "VERSION_INVALID", "read accepted versions %q: %w", text, err)
	}
	return c, nil
}

// inPath gives the program's places in PATH.
func inPath(name string) []string {
	var all []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if filepath.IsAbs(dir) {
			all = add(all, name, filepath.Join(dir, name))
		}
	}
	return all
}

// inOtherPlaces gives its places outside of PATH.
func inOtherPlaces(name string) []string {
	var all []string
	for _, pattern := range elsewhere {
		paths, _ := filepath.Glob(filepath.Join(pattern, name)) // the patterns are ours, and good
		for _, path := range paths {
			all = add(all, name, path)
		}
	}
	return all
}

// add adds a program that is there. A link to a program of the same name is
// resolved: what it needs is beside the real one.
func add(all []string, name, path string) []string {
	if target, err := filepath.EvalSymlinks(path); err == nil && filepath.Base(target) == name {
		path = target
	}
	info, err := os.Stat(path) //nolint:gosec // a program of this machine, looked for by its name alone
	if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 || slices.Contains(all, path) {
		return all
	}
	return append(all, path)
}

// passable is true when every user can run the program: PATH of the one who
// runs the provisioner may lead into a home directory.
func passable(path string) bool {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	need := fs.FileMode(0o005)
	for _, start := range []string{path, target} {
		for at := start; ; at = filepath.Dir(at) {
			info, err := os.Stat(at)
			if err != nil || info.Mode()&need != need {
				return false
			}
			if need = 0o001; at == "/" {
				break
			}
		}
	}
	return true
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
