package listing

import "time"

// Field is something that items are filtered and ordered by. Make one with
// Text, Name, Word, Time or Map.
type Field[T any] struct {
	kind kind
	text func(T) string
	// also are other words for the value.
	also func(value string) []string
	all  func(T) map[string]string
	// set has the words that there are.
	set map[string]int32
}

type kind int

const (
	textKind kind = iota
	wordKind
	timeKind
	mapKind
)

// sortableTime is RFC 3339 in UTC with all nine digits: its order as text is its
// order in time.
const sortableTime = "2006-01-02T15:04:05.000000000Z"

// Text is a field whose values are compared as they are; ":" finds a part of it,
// whatever the case, and "=" takes "*" for anything at either end.
func Text[T any](get func(T) string) Field[T] { return Field[T]{kind: textKind, text: get} }

// Name is a Text field that holds a resource name. "=" and "!=" take the shorter
// words for it as well, which also gives.
func Name[T any](get func(T) string, also func(name string) []string) Field[T] {
	return Field[T]{kind: textKind, text: get, also: also}
}

// Word is a field out of a closed set, such as a state: compared whatever the
// case. The set is that of a proto enum, by name.
func Word[T any](set map[string]int32, get func(T) string) Field[T] {
	return Field[T]{kind: wordKind, text: get, set: set}
}

// Time is a field compared with RFC 3339 timestamps. The zero time is "not set"
// and sorts first.
func Time[T any](get func(T) time.Time) Field[T] {
	return Field[T]{kind: timeKind, text: func(item T) string {
		at := get(item)
		if at.IsZero() {
			return ""
		}
		return at.UTC().Format(sortableTime)
	}}
}

// Map is a field of keys and values, reached as labels.key; it is not sorted by.
func Map[T any](get func(T) map[string]string) Field[T] { return Field[T]{kind: mapKind, all: get} }

func (f Field[T]) sortable() bool { return f.kind != mapKind }
