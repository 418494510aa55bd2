//go:build helpdesk_1_1

package store

import "embed"

//go:embed migrations
var base embed.FS

//go:embed migrations_1_1
var priority embed.FS

// schemas holds this revision's migrations, oldest first.
var schemas = []schema{{base, "migrations"}, {priority, "migrations_1_1"}}
