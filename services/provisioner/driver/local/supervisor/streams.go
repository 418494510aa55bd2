package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/trampoline"
)

// drainWithin is how long what a command has said may take to be read once it and
// all that it started have ended.
const drainWithin = 2 * time.Second

// endOfTyping is what a terminal takes for the end (VEOF).
const endOfTyping = 0x04

// streams are both ends of what a command is joined to.
type streams struct {
	process  trampoline.Streams
	typed    *os.File // what is typed goes there
	said     *os.File
	errors   *os.File // nil with a terminal
	terminal bool
}

func openStreams(size *driver.TerminalSize, user int) (*streams, error) {
	if size != nil {
		person, process, err := openTerminal(*size, user)
		if err != nil {
			return nil, err
		}
		return &streams{
			process: trampoline.Streams{In: process, Out: process, Err: process, Terminal: true},
			typed:   person, said: person, terminal: true,
		}, nil
	}
	s := &streams{}
	for _, one := range []struct{ read, write **os.File }{
		{&s.process.In, &s.typed}, {&s.said, &s.process.Out}, {&s.errors, &s.process.Err},
	} {
		var err error
		if *one.read, *one.write, err = os.Pipe(); err != nil {
			s.started()
			s.close()
			return nil, fmt.Errorf("open pipes: %w", err)
		}
	}
	return s, nil
}

// started closes the process's ends, which it has by now.
func (s *streams) started() {
	for _, f := range []*os.File{s.process.In, s.process.Out, s.process.Err} {
		if f != nil {
			_ = f.Close() // of a terminal thrice the same
		}
	}
}

func (s *streams) close() {
	for _, f := range []*os.File{s.typed, s.said, s.errors} {
		if f != nil {
			_ = f.Close() // nobody reads or writes any more
		}
	}
}

// take does what was typed. What a command does not read, or not any more, is its
// own business.
func (s *streams) take(line control.Typed) {
	switch {
	case line.Size != nil && s.terminal:
		_ = resize(s.typed, *line.Size)
	case line.Size != nil:
	case len(line.Data) > 0:
		_, _ = s.typed.Write(line.Data)
	case s.terminal:
		_, _ = s.typed.Write([]byte{endOfTyping})
	default:
		_ = s.typed.Close()
	}
}

// drained makes reading end soon: who could say more has ended.
func (s *streams) drained() {
	for _, f := range []*os.File{s.said, s.errors} {
		if f != nil {
			_ = f.SetReadDeadline(time.Now().Add(drainWithin))
		}
	}
}

// lines writes a session's lines, one at a time.
type lines struct {
	mu  sync.Mutex
	out *json.Encoder
}

func (l *lines) say(line control.Said) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Encode(line)
}

// pass hands on what a file gives, up to its end. A terminal ends with an error.
func (l *lines) pass(from *os.File, as func([]byte) control.Said) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if err := l.say(as(buffer[:n])); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || err != nil {
			return nil
		}
	}
}
