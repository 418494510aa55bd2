package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// What a driver asks. All but Ping carry a token, and the
// recovery under which it counts.
const (
	OpPing     = "ping"     // is it there, and of which build
	OpReserve  = "reserve"  // take over the settings
	OpEnsure   = "ensure"   // make Component as Applied says
	OpStop     = "stop"     // end Component
	OpJob      = "job"      // run Job in the place of Component, as Applied says
	OpEndJobs  = "end-jobs" // end the jobs under way, but Keep
	OpAttach   = "attach"   // the same, joined to who asks: after the answer come Typed and Said
	OpDestroy  = "destroy"  // end everything, and itself
	OpAdopt    = "adopt"    // begin tokens anew, for Recovery
	OpRemember = "remember" // what Wish says beside its components
	OpHandover = "handover" // end itself; the next supervisor adopts what runs
)

// Request is one line to the supervisor.
type Request struct {
	Version int    `json:"version"`
	Op      string `json:"op"`
	Token   int64  `json:"token,omitempty"`
	// Recovery is that under which the token counts; of OpAdopt, the next one. A
	// program from before it was in all requests never took a stamp over.
	Recovery  string           `json:"recovery,omitempty"`
	Component string           `json:"component,omitempty"`
	Applied   *Applied         `json:"applied,omitempty"`
	Wish      *driver.Manifest `json:"wish,omitempty"`
	Settings  *Settings        `json:"settings,omitempty"`
	Job       *driver.Job      `json:"job,omitempty"`
	Keep      []string         `json:"keep,omitempty"`
	// Terminal is what an attached job gets; nil gives it pipes.
	Terminal *driver.TerminalSize `json:"terminal,omitempty"`
}

// Response is one line from the supervisor.
type Response struct {
	Version int               `json:"version"`
	PID     int               `json:"pid"`
	Failure *Failure          `json:"failure,omitempty"`
	Result  *driver.JobResult `json:"result,omitempty"`
}

// Codes of failures.
const (
	CodeStale   = "STALE_TOKEN"
	CodeEnding  = "STAMP_ENDING"
	CodeStart   = "START_FAILED"
	CodeProgram = "PROGRAM_MISSING" // or it is there and cannot be executed
	CodeCut     = "SESSION_ENDED"
	CodeUnknown = "INTERNAL"
)

// ErrAbsent says that no supervisor listens; ErrLost, that one ended before it
// answered: what was asked for may have been done.
var (
	ErrAbsent = errors.New("no supervisor listens")
	ErrLost   = errors.New("the supervisor ended before it answered")
)

// Call asks the stamp's supervisor one thing and waits for the answer. The end
// of the context ends the waiting, not what was asked for.
func Call(ctx context.Context, s layout.Stamp, req Request) (Response, error) {
	conn, err := dial(ctx, s)
	if err != nil {
		return Response{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		if stop() {
			_ = conn.Close() // one question a connection
		}
	}()
	req.Version = Version
	if err := json.NewEncoder(conn).Encode(req); err != nil {
		return Response{}, callError(ctx, req, err)
	}
	var resp Response
	if err := json.NewDecoder(conn).Decode(&resp); err != nil {
		return Response{}, callError(ctx, req, err)
	}
	if resp.Failure != nil {
		return Response{}, resp.Failure
	}
	return resp, nil
}

func callError(ctx context.Context, req Request, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("ask supervisor to %s: %w", req.Op, ctx.Err())
	}
	err = fmt.Errorf("%w: %w", ErrLost, err)
	return fmt.Errorf("ask supervisor to %s: %w", req.Op, err)
}

// dial goes through an open directory: a socket's path has at most 107 bytes,
// and a data directory may be deep.
func dial(ctx context.Context, s layout.Stamp) (net.Conn, error) {
	path := filepath.Join(s.Run(), "sock")
	if runtime.GOOS == "linux" {
		dir, err := os.Open(s.Run())
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAbsent, err)
		}
		defer func() { _ = dir.Close() }() // only read
		path = fmt.Sprintf("/proc/self/fd/%d/sock", dir.Fd())
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	return conn, nil
}
