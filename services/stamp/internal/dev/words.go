package dev

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"stampworks.dev/services/stamp/internal/sample"
)

// isolation lists what there is, then what there is not.
func isolation(kinds map[string]string) string {
	var has, lacks []string
	for _, kind := range []string{"users", "files", "network", "cpu", "memory"} {
		if means := kinds[kind]; means == "" || means == "NONE" {
			lacks = append(lacks, kind)
		} else {
			has = append(has, kind)
		}
	}
	switch {
	case len(lacks) == 0:
		return strings.Join(has, ", ")
	case len(has) == 0:
		return "none (run as root for users, files, network, cpu and memory)"
	}
	return strings.Join(has, ", ") + " (not: " + strings.Join(lacks, ", ") + ")"
}

// parts are the components of a product, and the database that it has; lite is
// when this one was asked for.
func parts(p sample.Product, lite bool) string {
	names := slices.Clone(p.Components)
	for i, name := range names {
		if name == "db" {
			names[i] = "db (" + p.Database + ")"
		}
	}
	text := strings.Join(names, " ")
	switch {
	case slices.Contains(p.Components, "db"):
		return text
	case lite:
		return text + " (" + p.Database + ", by --lite)"
	}
	return text + " (" + p.Database + "; install PostgreSQL for a database server of each customer's own)"
}

// thousands writes 48000 as 48,000.
func thousands(amount float64) string {
	text := fmt.Sprintf("%.0f", amount)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func first(name string) string { return strings.Fields(name)[0] }

// blueprintOf takes "helpdesk" out of "blueprints/helpdesk/revisions/1.0.0".
func blueprintOf(revision string) string {
	if parts := strings.Split(revision, "/"); len(parts) > 1 {
		return parts[1]
	}
	return revision
}

// program is how this one was called, for commands to copy.
func program() string {
	if name := os.Args[0]; !filepath.IsAbs(name) {
		return name
	}
	return filepath.Base(os.Args[0])
}
