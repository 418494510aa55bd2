package driver

import "context"

// Watcher is the extra of drivers that can tell, sooner than the next look, when
// a stamp is not as it was left: a component died and does not come back, or
// somebody changed something by hand.
type Watcher interface {
	// Watch calls changed with the tenant of such a stamp, now and then again,
	// until ctx ends. It says that something differs, not what: ask Observe.
	// changed must not block.
	Watch(ctx context.Context, changed func(tenant string)) error
}
