// Package names turns what people type into resource names: "acme" is
// tenants/acme where a tenant is meant, "helpdesk@1.0.0" a revision.
package names

import "strings"

// Tenant is tenants/{id}.
func Tenant(text string) string { return under("tenants/", text) }

// Cell is cells/{id}.
func Cell(text string) string { return under("cells/", text) }

// Source is sources/{id}.
func Source(text string) string { return under("sources/", text) }

// Operation is operations/{id}.
func Operation(text string) string { return under("operations/", text) }

// Blueprint is blueprints/{id}.
func Blueprint(text string) string { return under("blueprints/", text) }

// Backup is tenants/{tenant}/backups/{id}, of the two words or of "acme/backup-3";
// empty when neither is there.
func Backup(words ...string) string {
	text := strings.Join(words, "/")
	if len(words) == 2 {
		text = Tenant(strings.Join(words, "/backups/"))
	}
	if tenant, id, two := strings.Cut(text, "/"); two && tenant != "tenants" && !strings.Contains(id, "/") {
		text = Tenant(tenant) + "/backups/" + id
	}
	parts := strings.Split(text, "/")
	if len(parts) != 4 || parts[0] != "tenants" || parts[1] == "" || parts[2] != "backups" || parts[3] == "" {
		return ""
	}
	return text
}

// Wish is a blueprint or a revision of one: "helpdesk" and "helpdesk@1.0.0"
// are taken as well.
func Wish(text string) string {
	if text == "" || strings.HasPrefix(text, "blueprints/") {
		return text
	}
	blueprint, revision, pinned := strings.Cut(text, "@")
	if !pinned {
		return Blueprint(blueprint)
	}
	return Blueprint(blueprint) + "/revisions/" + revision
}

// Short is what people type: "acme", "helpdesk 1.0.0", "demo/3f2a".
func Short(name string) string {
	parts := strings.Split(name, "/")
	switch {
	case len(parts) == 4 && parts[2] == "revisions":
		return parts[1] + " " + parts[3]
	case len(parts) == 4 && parts[2] == "deliveries":
		return parts[1] + "/" + parts[3][:min(len(parts[3]), 12)]
	case len(parts) == 4 && parts[2] == "backups":
		return parts[1] + "/" + parts[3]
	case len(parts) == 2:
		return parts[1]
	}
	return name
}

func under(collection, text string) string {
	if text == "" || strings.HasPrefix(text, collection) {
		return text
	}
	return collection + text
}
