// Package blueprints is the commands `stamp blueprint …`: the recipes of
// products.
package blueprints

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/command/noun"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

// Command is `stamp blueprint`.
func Command(s *session.Session) *cobra.Command {
	return noun.Group("blueprint", "Recipes of products: check, publish, compare",
		lintCommand(s), publishCommand(s), listCommand(s), diffCommand(s))
}

func view(now time.Time) printer.View[*registryv1.Blueprint] {
	return printer.View[*registryv1.Blueprint]{
		Name: (*registryv1.Blueprint).GetName,
		Columns: []printer.Column[*registryv1.Blueprint]{
			{Head: "BLUEPRINT", Cell: func(b *registryv1.Blueprint) string { return names.Short(b.GetName()) }},
			{Head: "NEWEST", Cell: func(b *registryv1.Blueprint) string { return names.Short(b.GetLatestRevision()) }},
			{Head: "REVISIONS", Cell: func(b *registryv1.Blueprint) string { return fmt.Sprint(b.GetRevisionCount()) }},
			{Head: "AGE", Cell: func(b *registryv1.Blueprint) string { return printer.Age(b.GetCreateTime(), now) }},
			{Head: "DESCRIPTION", Cell: (*registryv1.Blueprint).GetDescription},
		},
	}
}

func revisionView(now time.Time) printer.View[*registryv1.Revision] {
	return printer.View[*registryv1.Revision]{
		Name: (*registryv1.Revision).GetName,
		Columns: []printer.Column[*registryv1.Revision]{
			{Head: "REVISION", Cell: func(r *registryv1.Revision) string { return names.Short(r.GetName()) }},
			{Head: "PUBLISHED BY", Cell: (*registryv1.Revision).GetPublisher},
			{Head: "AGE", Cell: func(r *registryv1.Revision) string { return printer.Age(r.GetCreateTime(), now) }},
			{Head: "DIGEST", Cell: (*registryv1.Revision).GetDigest},
		},
	}
}
