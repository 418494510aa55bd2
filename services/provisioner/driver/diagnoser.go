package driver

import "context"

// Diagnoser is the extra of drivers that can tell what in the cell keeps a
// component from running, when its program says no more than that it ended.
type Diagnoser interface {
	// Diagnose looks, and changes nothing. The error is the cause: its reason is
	// "PORT_TAKEN" or "DISK_FULL". Nil is that it sees none, or cannot tell.
	Diagnose(ctx context.Context, ref Ref, component string) error
}
