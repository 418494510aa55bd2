package names

import "strings"

// Blueprint names blueprints/{ID}.
type Blueprint struct{ ID string }

func (n Blueprint) String() string { return "blueprints/" + n.ID }

// Revision is one of its revisions.
func (n Blueprint) Revision(id string) Revision { return Revision{Blueprint: n.ID, ID: id} }

// ParseBlueprint reads "blueprints/helpdesk".
func ParseBlueprint(field, name string) (Blueprint, error) {
	id, err := parseOne(field, name, "blueprints")
	return Blueprint{ID: id}, err
}

// Revision names blueprints/{Blueprint}/revisions/{ID}.
type Revision struct{ Blueprint, ID string }

func (n Revision) String() string { return "blueprints/" + n.Blueprint + "/revisions/" + n.ID }

// Parent is the blueprint that it is a revision of.
func (n Revision) Parent() Blueprint { return Blueprint{ID: n.Blueprint} }

// ParseRevision reads "blueprints/helpdesk/revisions/1.0.0".
func ParseRevision(field, name string) (Revision, error) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 || parts[0] != "blueprints" || parts[2] != "revisions" ||
		!idForm.MatchString(parts[1]) || !revisionForm.MatchString(parts[3]) {
		return Revision{}, invalid(field, name, `must be "blueprints/{blueprint}/revisions/{revision}"`)
	}
	return Revision{Blueprint: parts[1], ID: parts[3]}, nil
}

// ParseWish reads what a tenant may ask for: a revision, or a blueprint, which
// stands for its newest revision and comes back with an empty ID. A bare
// "helpdesk" is taken for "blueprints/helpdesk".
func ParseWish(field, name string) (Revision, error) {
	if idForm.MatchString(name) {
		return Revision{Blueprint: name}, nil
	}
	if strings.Count(name, "/") == 1 {
		b, err := ParseBlueprint(field, name)
		return Revision{Blueprint: b.ID}, err
	}
	return ParseRevision(field, name)
}
