package identity

import (
	"slices"
	"strings"
)

// The roles, each with what the one before it may do and more; Service stands
// apart: a service calls for itself, and only the callers of the method limit
// it.
const (
	Viewer   = "viewer"
	Sales    = "sales"
	Operator = "operator"
	Admin    = "admin"
	Service  = "service"
)

// grants is what each role may do: a permission is noun.verb, and either half
// may be *. What is in deny wins.
var grants = map[string]struct{ allow, deny []string }{
	Viewer:   {allow: []string{"*.get", "*.list", "*.watch", ownRole}, deny: adminOnly},
	Sales:    {allow: []string{"*.get", "*.list", "*.watch", "readiness.evaluate", ownRole}, deny: adminOnly},
	Operator: {allow: []string{"*.*"}, deny: adminOnly},
	Admin:    {allow: []string{"*.*"}},
	Service:  {allow: []string{"*.*"}},
}

// adminOnly is what decides over access itself, and what writes records that
// nobody else may make up.
var adminOnly = []string{"tokens.*", "roles.*", "secrets.*", "*.recover"}

// ownRole is what every role may ask for, because each task names the role that
// may run it.
const ownRole = "tasks.run"

// ranks are the roles from outside, each above the one before.
var ranks = []string{Viewer, Sales, Operator, Admin}

// AtLeast reports whether a role may do all that another, one from outside, may.
func AtLeast(role, other string) bool {
	least := slices.Index(ranks, other)
	return least >= 0 && (role == Service || slices.Index(ranks, role) >= least)
}

// Allowed reports whether a role grants a permission such as
// "tenants.create". Unknown roles and malformed permissions are refused.
func Allowed(role, permission string) bool {
	g, known := grants[role]
	return known && matchAny(g.allow, permission) && !matchAny(g.deny, permission)
}

func matchAny(patterns []string, permission string) bool {
	noun, verb, ok := strings.Cut(permission, ".")
	if !ok || noun == "" || verb == "" {
		return false
	}
	for _, p := range patterns {
		n, v, _ := strings.Cut(p, ".")
		if (n == "*" || n == noun) && (v == "*" || v == verb) {
			return true
		}
	}
	return false
}

// KnownRole reports whether role is one that a principal from outside may
// have; Service is not.
func KnownRole(role string) bool {
	_, known := grants[role]
	return known && role != Service
}
