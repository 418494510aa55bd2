//go:build !linux

package firewall

import (
	"context"
	"errors"
)

// Available is false: there are no rules by user here.
func Available() bool { return false }

// Allow is not to be had here.
func Allow(context.Context, Owner) error { return errors.ErrUnsupported }

// Forget has nothing to forget.
func Forget(context.Context, Owner) error { return nil }

// Holds counts nothing.
func Holds(Owner) (int, error) { return 0, nil }

// Lacking finds none.
func Lacking(context.Context, []Owner, bool) ([]Owner, error) { return nil, nil }

// Look finds none.
func Look(context.Context, []Owner, bool) ([]Owner, error) { return nil, nil }

// Confines is false.
func Confines() bool { return false }

// Confine is not to be had here.
func Confine(context.Context, Owner, []int) error { return errors.ErrUnsupported }

// Release has nothing to forget.
func Release(context.Context, Owner) error { return nil }
