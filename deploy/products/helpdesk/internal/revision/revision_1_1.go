//go:build helpdesk_1_1

package revision

// Name is the revision that the page, the API and `helpdesk version` show.
const Name = "1.1.0"

// Schema is the oldest schema version that this revision works on. A newer
// schema is accepted: migrations only ever add.
const Schema = 2
