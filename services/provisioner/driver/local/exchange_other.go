//go:build !linux

package local

// exchange puts from into the place of to, which it removes.
func exchange(from, to string) error { return replace(from, to) }
