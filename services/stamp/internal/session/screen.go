package session

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// Screen is a terminal that is both In and Out.
type Screen struct{ in, out *os.File }

// Screen gives the terminal that somebody sits at; nil when In or Out is none.
func (s *Session) Screen() *Screen {
	in, reads := s.In.(*os.File)
	out, writes := s.Out.(*os.File)
	if !reads || !writes || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return nil
	}
	return &Screen{in: in, out: out}
}

// Size is how much it shows.
func (s *Screen) Size() (columns, rows int) {
	columns, rows, err := term.GetSize(int(s.out.Fd()))
	if err != nil {
		return 80, 24
	}
	return columns, rows
}

// Raw hands every key on as it is typed, Ctrl-C included, until it is given back.
func (s *Screen) Raw() (giveBack func(), err error) {
	was, err := term.MakeRaw(int(s.in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("take over the terminal: %w", err)
	}
	return func() { _ = term.Restore(int(s.in.Fd()), was) }, nil
}

// Resized tells when its size may have changed, until stop is called.
func (s *Screen) Resized() (changed <-chan os.Signal, stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH)
	return signals, func() { signal.Stop(signals) }
}
