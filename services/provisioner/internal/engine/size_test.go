//go:build !race

package engine_test

const (
	// fleet is how many tenants a replica is tried with.
	fleet = 1000
	// stride is from one point that a replica is killed at to the next: at each.
	stride = 1
	// enough is how often at least, of all these points, what a test is about was
	// seen.
	enough = 3
)
