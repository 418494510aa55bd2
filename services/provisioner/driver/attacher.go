package driver

import (
	"context"
	"io"
)

// Attacher is the extra of drivers that can join a command to a person.
type Attacher interface {
	// Attach runs a command in the place of a component, as RunJob does, joined
	// to the session. Nothing is recorded, so calling twice runs it twice. The
	// end of the context ends the command and all that it started, and so do Stop
	// and Destroy of the stamp, and an Ensure that changes a component; the result says which exit code was left. A token
	// that is lower than one seen is ErrStaleToken.
	Attach(ctx context.Context, ref Ref, m Manifest, job Job, s Session) (JobResult, error)
}

// Session is the other end of a command: somebody at a terminal, or a script.
type Session struct {
	// Terminal is the size of the terminal that the command gets; nil gives it
	// pipes.
	Terminal *TerminalSize
	// Input is what is done, in its order; its end is the end of what is typed.
	// The sender does not close it before the session has ended, but for that.
	Input <-chan Input
	// Started is called once, when the command runs and before it says anything.
	Started func() error
	// Output takes what the command says; Errors what it says as an error, which
	// a terminal has in Output. An error ends the command.
	Output, Errors func([]byte) error
}

// Input is one thing that a person does: exactly one of the two.
type Input struct {
	Typed []byte
	Size  *TerminalSize
}

// TerminalSize is how much a terminal shows.
type TerminalSize struct {
	Rows    uint16 `json:"rows"`
	Columns uint16 `json:"columns"`
}

// Writer makes a writer of one of a session's outputs.
type Writer func([]byte) error

var _ io.Writer = Writer(nil)

func (w Writer) Write(p []byte) (int, error) {
	if err := w(p); err != nil {
		return 0, err
	}
	return len(p), nil
}
