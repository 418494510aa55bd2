package edge

import (
	"net/http"
	"time"
)

// piece is how much is written under one deadline, in bytes. A slow caller is
// waited for; one that reads nothing is not.
const piece = 64 << 10

// answer gives every write a deadline of its own, and remembers what was
// answered. A stream lasts as long as its reader reads.
type answer struct {
	http.ResponseWriter

	control  *http.ResponseController
	patience time.Duration
	status   int // 0 until something was answered
	bytes    int64
}

func newAnswer(w http.ResponseWriter, patience time.Duration) *answer {
	return &answer{ResponseWriter: w, control: http.NewResponseController(w), patience: patience}
}

// WriteHeader begins the answer; 1xx does not.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
	a.extend()
	a.ResponseWriter.WriteHeader(status)
}

// Write writes piece by piece.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	written := 0
	for {
		n := min(piece, len(p)-written)
		a.extend()
		n, err := a.ResponseWriter.Write(p[written : written+n])
		written += n
		a.bytes += int64(n)
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

// FlushError sends what is buffered (http.ResponseController).
func (a *answer) FlushError() error {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.extend()
	return a.control.Flush()
}

// Unwrap gives the writer below (http.ResponseController).
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) extend() {
	_ = a.control.SetWriteDeadline(time.Now().Add(a.patience)) // a recorder in a test has none
}
