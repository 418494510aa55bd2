package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/secrets"
)

var placeholder = regexp.MustCompile(`secret:([a-z0-9_]+)@([0-9]+)`)

// Kept is the manifest of what the ledger has, whatever is wished now: it is
// how a stamp is stopped without its recipe. Placeholders are filled in with
// the secrets that could be opened; a component that is to stop needs none. What
// cannot be read is left out, and named in the error beside the others.
//
// Programs are those of the ledger too, for the site may have been given those
// of another revision by now. Components can share an artifact's name and be of
// two revisions, so the program is surely right of the component only that is
// named by of.
func Kept(s *pb.Stamp, site driver.Site, values map[string]secrets.Secret, tenant, of string) (driver.Manifest, error) {
	m := driver.Manifest{
		Tenant: tenant, UID: s.GetTenantUid(), Generation: s.GetGeneration(), Revision: s.GetRevision(),
		Site: site, Components: map[string]driver.Component{},
	}
	wanted := map[string]bool{}
	for _, c := range s.GetComponents() {
		wanted[c.GetName()] = c.GetWanted()
	}
	var unread error
	for _, e := range s.GetLedger() {
		if e.GetKind() != "component" || e.GetRendered() == "" {
			continue
		}
		f, err := KeptForm(e, values)
		if err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		if e.GetName() == of {
			m.Site.Artifacts = f.programIn(site.Artifacts)
		}
		c := component(f.Component, Telemetry{}.env(m, e.GetName()))
		c.Stopped = !wanted[e.GetName()]
		m.Components[e.GetName()] = c
	}
	return m, unread
}

// programIn gives the artifacts with the program that the form was made of. One
// that says none has that of the site.
func (f Form) programIn(artifacts map[string]driver.ResolvedArtifact) map[string]driver.ResolvedArtifact {
	if f.Program.Dir == "" {
		return artifacts
	}
	own := maps.Clone(artifacts)
	if own == nil {
		own = map[string]driver.ResolvedArtifact{}
	}
	own[f.Component.Artifact] = f.Program
	return own
}

// KeptForm is one component as the ledger has it, filled in as in [Kept].
func KeptForm(e *pb.LedgerEntry, values map[string]secrets.Secret) (Form, error) {
	var f Form
	if err := json.Unmarshal([]byte(fill(e.GetRendered(), values)), &f); err != nil {
		return f, fmt.Errorf("read ledger entry %q: %w", e.GetName(), err)
	}
	return f, nil
}

// fill puts secret values, which are letters and digits, in place of their
// placeholders.
func fill(text string, values map[string]secrets.Secret) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		parts := placeholder.FindStringSubmatch(found)
		name, digits := parts[1], parts[2]
		// Digits that follow the placeholder in the text are not part of it.
		for n := len(digits); n > 0; n-- {
			version, err := strconv.ParseInt(digits[:n], 10, 32)
			if err != nil {
				continue
			}
			if s, ok := secrets.Of(values, name, int32(version)); ok {
				return s.Value + digits[n:]
			}
		}
		return found
	})
}
