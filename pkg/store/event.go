package store

// EventType says what an event reports.
type EventType int

const (
	// Put is a key created or changed.
	Put EventType = iota + 1
	// Delete is a key gone.
	Delete
	// Synced comes once per subscription, after what was there at its start.
	Synced
	// Progress says that everything up to its revision has been delivered.
	Progress
)

// String gives the name for logs.
func (t EventType) String() string {
	switch t {
	case Put:
		return "put"
	case Delete:
		return "delete"
	case Synced:
		return "synced"
	case Progress:
		return "progress"
	}
	return "unknown"
}

// Event is one thing that a watch tells.
type Event struct {
	Type EventType
	// KV is the new state of the key; of a Delete only the key.
	KV KV
	// Revision that the event belongs to.
	Revision int64
	// More says that another event of the same revision follows: a transaction
	// is complete at its first event without More.
	More bool
}
