// Package revision says which revision of the product this binary is. One
// source tree gives two programs: plain builds are 1.0.0, builds with the tag
// helpdesk_1_1 are 1.1.0. Files that belong to one revision only end in _1_0.go
// or _1_1.go and carry the tag.
package revision
