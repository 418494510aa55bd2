// Package errs says what kind of thing went wrong, in words that a program can
// act on, without tying the code that fails to a transport.
//
// The contract:
//
//   - A store or a domain package returns an *Error (or an error that wraps
//     one) when the caller can do something about it: not found, conflict,
//     invalid input. Everything else is a plain error.
//   - The kind decides the status code, the reason is the stable identifier
//     that scripts match (UPPER_SNAKE, sent as google.rpc.ErrorInfo.reason),
//     the message is for people.
//   - An error that carries no kind is Internal: its text is logged once at
//     the edge of the service and never reaches the caller.
//   - Message is what the caller may see. A cause given with %w is part of
//     the message, so wrap only what may be shown; Because attaches a cause
//     that stays inside the process.
//   - Errors are values: they are never changed once returned. With,
//     Because and After give back copies, so package-level errors are safe to
//     decorate from several goroutines.
//
// Example:
//
//	var ErrNoCell = errs.New(errs.FailedPrecondition, "NO_CELL", "no cell fits")
//
//	func (p *Placer) Place(t Tenant) error {
//		if t.Plan == "" {
//			return errs.Invalid("PLAN_MISSING", errs.Violation{Field: "plan", Description: "is required"})
//		}
//		return fmt.Errorf("place %q: %w", t.ID, ErrNoCell.With("plan", t.Plan))
//	}
//
//	errors.Is(err, ErrNoCell)                 // true, decorated or not
//	errs.Is(err, errs.FailedPrecondition)     // true
//	errs.ReasonOf(err)                        // "NO_CELL"
package errs
