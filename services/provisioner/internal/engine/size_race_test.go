//go:build race

package engine_test

// With the race detector all takes several times as long, and races show with a
// part of it as well.
const (
	fleet  = 150
	stride = 5
	enough = 1
)
