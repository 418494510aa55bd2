// Package source keeps the configured CRMs. A source is three keys: the
// configuration with its etag; its secrets, sealed, which are never read back; and
// what came last, which changes no etag.
//
// A new secret does not make the old one useless at once: both prove messages for
// Overlap, so that it can be changed at the CRM meanwhile.
package source
