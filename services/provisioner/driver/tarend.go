package driver

import (
	"errors"
	"io"
)

// TarEnd is what a tar is read through, to tell one that was cut off between two
// files: a reader of tars stops after the two empty blocks that a whole one ends
// with, before it has Seen that nothing follows.
type TarEnd struct {
	From io.Reader
	// Seen says that all was read.
	Seen bool
}

func (e *TarEnd) Read(into []byte) (int, error) {
	n, err := e.From.Read(into)
	if n > 0 && errors.Is(err, io.EOF) {
		return n, nil // it is said again
	}
	e.Seen = e.Seen || errors.Is(err, io.EOF)
	return n, err
}
