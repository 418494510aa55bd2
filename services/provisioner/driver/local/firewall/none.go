//go:build !linux

package firewall

import "errors"

// Available is false: there are no rules by user here.
func Available() bool { return false }

// Allow is not to be had here.
func Allow(Owner) error { return errors.ErrUnsupported }

// Forget has nothing to forget.
func Forget(Owner) error { return nil }

// Holds counts nothing.
func Holds(Owner) (int, error) { return 0, nil }

// Lacking finds none.
func Lacking([]Owner, bool) ([]Owner, error) { return nil, nil }

// Confines is false.
func Confines() bool { return false }

// Confine is not to be had here.
func Confine(Owner, []int) error { return errors.ErrUnsupported }

// Release has nothing to forget.
func Release(Owner) error { return nil }
