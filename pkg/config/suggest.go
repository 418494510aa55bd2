package config

import (
	"fmt"
	"strings"
)

// suggest says which known name is meant, when one is near.
func suggest(name string, known []string) string {
	if best := nearest(name, known); best != "" {
		return fmt.Sprintf(", did you mean %q?", best)
	}
	return ""
}

// nearest gives the nearest known name, when it is near enough to be meant.
func nearest(name string, known []string) string {
	best, limit := "", len(name)/3+2
	for _, k := range known {
		if d := distance(name, k); d < limit {
			best, limit = k, d
		}
	}
	return best
}

// suggestVariable compares what follows the prefix that all variables have.
func suggestVariable(name string, known []string) string {
	own := make([]string, len(known))
	for i, k := range known {
		own[i] = strings.TrimPrefix(k, Prefix)
	}
	near := nearest(strings.TrimPrefix(name, Prefix), own)
	if near == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", Prefix+near)
}

// distance is the number of letters to add, drop or change (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
