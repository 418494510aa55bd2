package testkit

import (
	"crypto/rand"
	"strings"
	"testing"
)

// Prefix is a key prefix that no other test uses; it begins and ends with "/".
func Prefix(t testing.TB) string {
	t.Helper()
	return "/test/" + strings.ToLower(rand.Text()[:12]) + "/"
}
