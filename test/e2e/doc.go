// Package e2e runs the real programs from outside: `make e2e`. Its tests are
// behind the build tag e2e; what they share is in the package harness.
package e2e
