//go:build race

package local_test

// raceEnabled builds the supervisor with the race detector, too.
const raceEnabled = true
