package engine

import (
	"context"
	"errors"
	"io"
	"strings"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/failure"
)

// diagnosed gives the failure of a component that does not come up the cause
// that its cell sees: a port that is taken, a full disk. Those are for an
// operator, and not the product's. What the component said stays as evidence.
func (a asker) diagnosed(ctx context.Context, err error) error {
	var seen *failure.Error
	d, can := a.driver.(driver.Diagnoser)
	if !can || !errors.As(err, &seen) {
		return err
	}
	cause := d.Diagnose(ctx, a.ref, a.component)
	if cause == nil {
		return err
	}
	f := failure.Of(cause, a.component)
	f.Evidence = append(f.Evidence, last(seen.Failure.GetEvidence(), 20-len(f.GetEvidence()))...)
	return &failure.Error{Failure: f}
}

// evidence is what was seen of a component, and the last that it said. One that
// ends again and again may run just now.
func (a asker) evidence(ctx context.Context, seen driver.ComponentObservation, first string) []string {
	said := seen.LastLines
	if len(said) == 0 {
		said = a.tail(ctx)
	}
	return append([]string{first}, last(said, 19)...)
}

// tail is the end of the component's log, as far as it can be read.
func (a asker) tail(ctx context.Context) []string {
	log, err := a.driver.Logs(ctx, a.ref, driver.LogQuery{Component: a.component, Tail: 19})
	if err != nil {
		return nil
	}
	defer func() { _ = log.Close() }() // only read
	text, _ := io.ReadAll(io.LimitReader(log, 64<<10))
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(text), "\n"), "\n")
}
