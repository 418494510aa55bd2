// Package names parses and prints resource names (AIP-122) as types, so that a
// string that came over the wire is checked once, at the edge, and an id is
// never mistaken for a name further in.
//
// Every Parse function takes the path of the request's field that held the
// name; a malformed one is a violation of that field.
package names
