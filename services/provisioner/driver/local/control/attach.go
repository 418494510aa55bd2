package control

import (
	"context"
	"encoding/json"
	"errors"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// Typed is one line of a session to the supervisor, after the answer to
// [OpAttach]. A line that says nothing ends what is typed.
type Typed struct {
	Data []byte               `json:"data,omitempty"`
	Size *driver.TerminalSize `json:"size,omitempty"`
}

// Said is one line of a session from the supervisor. The last has the result, or
// the failure.
type Said struct {
	Data    []byte            `json:"data,omitempty"`
	Errors  []byte            `json:"errors,omitempty"`
	Result  *driver.JobResult `json:"result,omitempty"`
	Failure *Failure          `json:"failure,omitempty"`
}

// Attach asks the stamp's supervisor to run a command that is joined to the
// session, and returns how it ended. The end of the context ends the command:
// the supervisor sees that nobody is there any more.
func Attach(ctx context.Context, s layout.Stamp, req Request, session driver.Session) (driver.JobResult, error) {
	conn, err := dial(ctx, s)
	if err != nil {
		return driver.JobResult{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	sent := make(chan struct{})
	defer func() {
		cancel()
		if stop() {
			_ = conn.Close() // nothing more is said
		}
		<-sent
	}()
	req.Op, req.Version = OpAttach, Version
	in, out := json.NewDecoder(conn), json.NewEncoder(conn)
	var resp Response
	if err := errors.Join(out.Encode(req), in.Decode(&resp)); err != nil {
		close(sent)
		return driver.JobResult{}, callError(ctx, req, err)
	}
	if resp.Failure != nil {
		close(sent)
		return driver.JobResult{}, resp.Failure
	}
	go func() { // ends with ctx, or the connection
		defer close(sent)
		send(ctx, out, session.Input)
	}()
	return receive(ctx, in, req, session)
}

// send passes on what is done until the session ends; a connection that breaks is
// seen by receive.
func send(ctx context.Context, out *json.Encoder, input <-chan driver.Input) {
	for {
		var line Typed
		select {
		case one, more := <-input:
			if !more {
				input = nil
			}
			line = Typed{Data: one.Typed, Size: one.Size}
		case <-ctx.Done():
			return
		}
		if out.Encode(line) != nil {
			return
		}
	}
}

// receive passes on what the command says, up to its end.
func receive(ctx context.Context, in *json.Decoder, req Request, session driver.Session) (driver.JobResult, error) {
	if err := session.Started(); err != nil {
		return driver.JobResult{}, err
	}
	for {
		var line Said
		if err := in.Decode(&line); err != nil {
			return driver.JobResult{}, callError(ctx, req, err)
		}
		switch {
		case line.Failure != nil:
			return driver.JobResult{}, line.Failure
		case line.Result != nil:
			return *line.Result, nil
		}
		for _, one := range []struct {
			said []byte
			to   func([]byte) error
		}{{line.Data, session.Output}, {line.Errors, session.Errors}} {
			if len(one.said) == 0 {
				continue
			}
			if err := one.to(one.said); err != nil {
				return driver.JobResult{}, err
			}
		}
	}
}
