// Package suggest finds the known name that a mistyped one was meant to be.
package suggest

import (
	"fmt"
	"slices"
	"strings"
)

// DidYouMean is `; did you mean "name"?` for the nearest known name, and empty
// when none is near.
func DidYouMean(name string, known []string) string {
	if best := Nearest(name, known); best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return ""
}

// Nearest is the known name with the fewest changes of a letter, at most a
// third of the name's length, or in another case; empty when there is none. Of equals it is the
// first in alphabetical order.
func Nearest(name string, known []string) string {
	if i := slices.IndexFunc(known, func(k string) bool { return k != name && strings.EqualFold(k, name) }); i >= 0 {
		return known[i]
	}
	sorted := slices.Sorted(slices.Values(known))
	best, least := "", len(name)/3+1
	for _, k := range sorted {
		if d := distance(name, k); d > 0 && d <= least && (best == "" || d < distance(name, best)) {
			best = k
		}
	}
	return best
}

// distance counts letters to add, drop, change or swap with a neighbour.
func distance(a, b string) int {
	if n := len(a) - len(b); n > 3 || n < -3 {
		return len(a) + len(b)
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
