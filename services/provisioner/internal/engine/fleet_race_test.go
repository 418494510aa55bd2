//go:build race

package engine_test

// fleet is smaller with the race detector: races show with a hundred as well.
const fleet = 150
