package testkit_test

import (
	"runtime"
	"testing"
)

// failing notes a failure instead of failing the real test.
type failing struct {
	testing.TB
	failed bool
}

func (f *failing) Fatalf(string, ...any) {
	f.failed = true
	runtime.Goexit()
}
