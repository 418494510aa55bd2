// Package session is what every command is run with: the streams, the global
// flags, and through them the gateway and the printer.
package session

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/printer"
)

// DefaultWait is how long --wait waits when nobody says.
const DefaultWait = 10 * time.Minute

// Session is one run of one command.
type Session struct {
	// Out is for data, Err for words.
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	// Dir is where files are looked for, from here upwards.
	Dir     string
	Version string
	Now     func() time.Time
	// Terminal says that Err can be drawn on; Interactive, that somebody sits
	// at In too, who can be asked.
	Terminal, Interactive bool

	// Width is how wide the terminal at Out is; 0 where there is none.
	Width int

	// The global flags.
	Address, Token, Output string
	Timeout                time.Duration
}

// OfProcess is the session of this process.
func OfProcess(version string) (*Session, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find working folder: %w", err)
	}
	drawable := term.IsTerminal(int(os.Stderr.Fd())) && os.Getenv("TERM") != "dumb"
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		width = 0
	}
	return &Session{
		Width: width,
		In:    os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Dir: dir, Version: version, Now: time.Now,
		Terminal: drawable, Interactive: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd())),
	}, nil
}

// Gateway is the one that flags, environment or files name.
func (s *Session) Gateway() (client.Config, error) {
	cfg, err := client.Locate(client.Config{Address: s.Address, Token: s.Token}, s.Getenv, s.Dir)
	if err != nil {
		return cfg, err
	}
	if u, err := url.Parse(cfg.Address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return cfg, exit.Usagef("%q is no address of a gateway: want a URL such as http://127.0.0.1:8080 in --addr or STAMP_ADDR", cfg.Address)
	}
	return cfg, nil
}

// Client speaks to the gateway.
func (s *Session) Client() (*client.Client, error) {
	cfg, err := s.Gateway()
	if err != nil {
		return nil, err
	}
	return client.New(cfg), nil
}

// Printer writes data in the form of -o. Others are forms that this command
// alone has.
func (s *Session) Printer(others ...printer.Format) (*printer.Printer, error) {
	format, err := printer.ParseFormat(s.Output, others...)
	if err != nil {
		return nil, exit.Usagef("%v", err)
	}
	return &printer.Printer{Out: s.Out, Format: format, Now: s.Now}, nil
}

// Open gives both, in the order in which a command needs them: a wrong -o is
// told before anything is done.
func (s *Session) Open() (*client.Client, *printer.Printer, error) {
	p, err := s.Printer()
	if err != nil {
		return nil, nil, err
	}
	c, err := s.Client()
	return c, p, err
}

// Say tells a person something, on stderr.
func (s *Session) Say(format string, args ...any) {
	fmt.Fprintf(s.Err, format+"\n", args...)
}

// Ask puts a question and gives the line that is answered. It is refused
// where nobody is there to answer; instead names the flag that answers.
func (s *Session) Ask(question, instead string) (string, error) {
	if !s.Interactive {
		return "", exit.Usagef("this asks first, and nobody is at a terminal to answer: say %s", instead)
	}
	fmt.Fprint(s.Err, question+" ")
	line, err := bufio.NewReader(s.In).ReadString('\n')
	if err != nil && line == "" {
		return "", fmt.Errorf("read answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// Bounded is a context that ends after --timeout, or after otherwise when
// that is not set; 0 is never.
func (s *Session) Bounded(ctx context.Context, otherwise time.Duration) (context.Context, context.CancelFunc) {
	within := otherwise
	if s.Timeout > 0 {
		within = s.Timeout
	}
	if within <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, within)
}
