//go:build !race

package engine_test

// fleet is how many tenants a replica is tried with.
const fleet = 1000
