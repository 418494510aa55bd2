package rest

import (
	"errors"
	"io"
	"os"
	"time"

	"stampworks.dev/pkg/errs"
)

const (
	// importPatience is how long a caller may take to send importLeast bytes; what
	// the services take to keep them is not counted.
	importPatience = time.Minute
	importLeast    = 64 << 10
)

// paced is a body that has to come at a least rate. Who lets a call wait for ever
// holds a connection, a stream and the place of a backup.
type paced struct {
	body     io.Reader
	deadline func(time.Time) error // of a read
	patience time.Duration

	left time.Duration // of the patience
	got  int           // in it
}

func newPaced(body io.Reader, deadline func(time.Time) error, patience time.Duration) *paced {
	return &paced{body: body, deadline: deadline, patience: patience, left: patience}
}

// Read reads what is there. After one that was too slow the deadline stays: nothing
// more of the body is waited for.
func (p *paced) Read(into []byte) (int, error) {
	begun := time.Now()
	_ = p.deadline(begun.Add(p.left)) // a recorder in a test has none
	n, err := p.body.Read(into)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, errs.New(errs.DeadlineExceeded, "BODY_TOO_SLOW", "less than %d bytes of the body came in %v: send it again over a faster connection", importLeast, p.patience)
	}
	p.left -= time.Since(begun)
	if p.got += n; p.got >= importLeast {
		p.left, p.got = p.patience, 0
	}
	return n, err
}
