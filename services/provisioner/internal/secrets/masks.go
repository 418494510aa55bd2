package secrets

import "strings"

// Masks puts the names of a stamp's secrets in place of their values: what its
// programs print is kept and shown.
func Masks(all map[string]Secret) *strings.Replacer {
	var pairs []string
	for key, s := range all {
		name, _, _ := strings.Cut(key, "@")
		if s.Value != "" {
			pairs = append(pairs, s.Value, s.Placeholder(name))
		}
	}
	return strings.NewReplacer(pairs...)
}
