package blueprint

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/blueprint/internal/yamlpb"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// Recipe is a blueprint that has passed every check. It is read-only and safe
// for use by several goroutines.
type Recipe struct {
	msg        *typev1.Blueprint
	digest     string
	plans      map[string]*plan
	components map[string]*component
	smoke      []*smokeCheck
	tasks      map[string]*task
	graph      *graph
	notes      Problems
}

// Parse reads a blueprint and checks all of it. The file's name is for
// messages only. What is wrong comes back as Problems: all of them, in the
// order of the file.
func Parse(file string, src []byte) (*Recipe, error) {
	msg := &typev1.Blueprint{}
	index, issues := yamlpb.Decode(src, msg, yamlpb.Options{Shorthand: shorthand})
	c := newCompiler(file, msg, index)
	for _, i := range issues {
		c.problems = append(c.problems, Problem{File: file, Line: i.Line, Column: i.Column, Path: i.Path, Message: i.Message, Expected: i.Expected})
		c.damaged = append(c.damaged, i.Within)
	}
	if slices.Contains(c.damaged, "") { // a whole section may be unread: what follows would be noise
		return nil, c.problems.sorted()
	}
	return c.compile()
}

// FromMessage compiles a recipe that was stored as a message, which it copies.
// Rules that are younger than such may be do not apply. Problems then have a path
// and no line.
func FromMessage(msg *typev1.Blueprint) (*Recipe, error) {
	msg = proto.CloneOf(msg)
	if msg == nil {
		msg = &typev1.Blueprint{}
	}
	c := newCompiler(msg.GetBlueprint()+"@"+msg.GetRevision(), msg, nil)
	c.stored = true
	return c.compile()
}

// Message gives a copy of the blueprint.
func (r *Recipe) Message() *typev1.Blueprint { return proto.CloneOf(r.msg) }

// Name is the product's name, such as "helpdesk".
func (r *Recipe) Name() string { return r.msg.GetBlueprint() }

// Revision is the semantic version of this recipe.
func (r *Recipe) Revision() string { return r.msg.GetRevision() }

// Digest is "sha256:" and the digest of the canonical JSON form: equal
// blueprints have equal digests, whatever wrote or stored them.
func (r *Recipe) Digest() string { return r.digest }

// Plans are the names of the plans, sorted.
func (r *Recipe) Plans() []string { return slices.Sorted(maps.Keys(r.plans)) }

// HasPlan reports whether there is such a plan.
func (r *Recipe) HasPlan(name string) bool { return r.plans[name] != nil }

// DefaultPlan is the first plan by name that extends none.
func (r *Recipe) DefaultPlan() string {
	for _, name := range r.Plans() {
		if r.msg.GetPlans()[name].GetExtends() == "" {
			return name
		}
	}
	return ""
}

// Backup is when a plan makes backups and how many it keeps; false when it
// makes none.
func (r *Recipe) Backup(name string) (schedule string, keep int, ok bool) {
	p := r.plans[name]
	if p == nil || p.backup.GetSchedule() == "" {
		return "", 0, false
	}
	return p.backup.GetSchedule(), int(p.backup.GetKeep()), true
}

// SecretSpec says how a secret is made and how a new value is put in place.
type SecretSpec struct {
	// Length is in characters.
	Length int
	// Rotate is "component.migrate", "restart", or empty when it cannot be
	// rotated.
	Rotate string
}

// Secrets are all secrets by name, defaults filled in.
func (r *Recipe) Secrets() map[string]SecretSpec {
	out := make(map[string]SecretSpec, len(r.msg.GetSecrets()))
	for name, s := range r.msg.GetSecrets() {
		spec := SecretSpec{Length: int(s.GetLength()), Rotate: s.GetRotate()}
		if spec.Length == 0 {
			spec.Length = defaultSecretLength
		}
		out[name] = spec
	}
	return out
}

// Notes are remarks that publish anyway: what is declared and never used, and
// secrets that cannot be rotated.
func (r *Recipe) Notes() Problems { return slices.Clone(r.notes) }
