// Package mapping turns a CRM's event into a deal and a tenant by the CEL
// expressions of a source: one that says whether a deal was won, and one for each
// thing that a tenant needs.
//
// Expressions see `event`, the JSON body, and `received`, when it came; beside the
// standard functions there is slug(text), and event.?a.?b.orValue("") for what may
// be missing. They are compiled and type-checked when a source is saved, and have
// a budget when they run.
package mapping
