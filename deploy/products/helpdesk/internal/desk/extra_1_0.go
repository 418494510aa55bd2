//go:build !helpdesk_1_1

package desk

// extraHTML is what later revisions add to a ticket on the page; nothing yet.
const extraHTML = `{{define "extra"}}{{end}}{{define "extra-field"}}{{end}}`
