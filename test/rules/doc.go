// Package rules holds the rules of this repository as tests, each with its
// reason: what may import what, what a package must say, which words we do not
// use for one. A rule that nobody can justify any more is deleted here.
package rules
