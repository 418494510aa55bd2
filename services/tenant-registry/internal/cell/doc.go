// Package cell keeps the places that hold stamps. A cell is two keys: what people
// decide about it (the cordon) with its etag, and what the provisioner last
// reported, which changes every few seconds and changes no etag.
package cell
