// Package body reads what a caller sends, so much and so long and no more.
package body

import (
	"errors"
	"io"
	"net/http"
	"time"

	"stampworks.dev/pkg/errs"
)

// Within is how long a caller may take to send a body.
const Within = 10 * time.Second

// Many callers send all that they have before they read. So that one who is
// refused learns why, and is not merely cut off, this much more is taken in and
// forgotten, for so long.
const (
	lingerBytes  = 16 << 20
	lingerWithin = 2 * time.Second
)

// cutAfter is how long a connection whose body was not read whole is looked at
// once more: the server reads the rest of it, to use the connection again.
const cutAfter = time.Second

// Read gives the whole body, of at most limit bytes. A larger one is of kind
// TooLarge, whether its length was announced or not; one that breaks off is
// InvalidArgument.
func Read(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	control := http.NewResponseController(w)
	if r.ContentLength > limit {
		if r.Header.Get("Expect") == "" { // else it waits to hear whether to send
			linger(control, r.Body)
		}
		end(w, control)
		return nil, tooLarge(limit)
	}
	_ = control.SetReadDeadline(time.Now().Add(Within)) // a recorder in a test has none
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		linger(control, r.Body)
		end(w, control)
		return nil, tooLarge(limit)
	case err != nil:
		end(w, control)
		return nil, errs.New(errs.InvalidArgument, "BODY_UNREADABLE", "the body ended before it was whole").Because(err)
	}
	// The server goes on reading, to notice a caller that goes away; that must
	// not run into the body's deadline.
	_ = control.SetReadDeadline(time.Time{})
	return text, nil
}

// end lets the connection go with the answer: a caller that keeps part of its
// body to itself would hold it for ever.
func end(w http.ResponseWriter, control *http.ResponseController) {
	w.Header().Set("Connection", "close")
	_ = control.SetReadDeadline(time.Now().Add(cutAfter))
}

func linger(control *http.ResponseController, rest io.Reader) {
	_ = control.SetReadDeadline(time.Now().Add(lingerWithin))
	_, _ = io.CopyN(io.Discard, rest, lingerBytes) // whatever comes of it, the answer is the same
}

func tooLarge(limit int64) error {
	return errs.New(errs.TooLarge, "BODY_TOO_LARGE", "the body is larger than %d bytes", limit)
}
