//go:build !helpdesk_1_1

package store

import "embed"

//go:embed migrations
var base embed.FS

// schemas holds this revision's migrations, oldest first.
var schemas = []schema{{base, "migrations"}}
