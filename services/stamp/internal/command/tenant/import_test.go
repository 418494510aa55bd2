package tenant

import (
	"strings"
	"testing"
	"unicode"
)

// TestAFilesNameSteersNoTerminal: what is not there is named all the same.
func TestAFilesNameSteersNoTerminal(t *testing.T) {
	err := runImport(t.Context(), &importOptions{dump: t.TempDir() + "/dump\x1b[2J\nforged"})
	if err == nil || !strings.Contains(err.Error(), "/dump") || strings.ContainsFunc(err.Error(), unicode.IsControl) {
		t.Errorf("says %v", err)
	}
}
