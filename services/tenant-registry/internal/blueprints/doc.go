// Package blueprints is the catalogue of published recipes: immutable revisions
// by blueprint, checked when published, compiled once per replica.
package blueprints
