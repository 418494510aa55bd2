package supervisor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/process"
	"stampworks.dev/services/provisioner/driver/local/trampoline"
)

const (
	// hangUpGrace is how long a command has to end once nobody is joined to it.
	hangUpGrace = 2 * time.Second
	// signEvery is how often a session says that it is there: a command that
	// neither reads nor says anything does not show that nobody is.
	signEvery = 5 * time.Second
)

// errStopped ends sessions when something of the stamp is stopped.
var errStopped = &control.Failure{Code: control.CodeCut, Message: "the session was ended: the stamp is being stopped or changed"}

// session is one command that is joined to a connection.
type session struct {
	s     *Supervisor
	id    string
	ctx   context.Context
	end   context.CancelCauseFunc
	ended chan struct{}
	conn  net.Conn
	lines lines
}

// attach runs a command that is joined to the connection, and ends it with the
// connection. It leaves no record but while it runs, for who finds it after a
// crash.
func (s *Supervisor) attach(ctx context.Context, conn net.Conn, in *json.Decoder, out *json.Encoder, req control.Request) {
	one, done, err := s.open(ctx, req)
	if err == nil {
		defer done()
		one.conn, one.lines.out = conn, out
		err = one.run(in, req)
	}
	if err != nil {
		// Either the answer or, later, the last line: both have it at this name.
		_ = out.Encode(control.Said{Failure: control.Fail(control.CodeUnknown, err)})
	}
}

// open notes a session, under the token, so that who stops the stamp ends it.
func (s *Supervisor) open(ctx context.Context, req control.Request) (*session, func(), error) {
	if req.Job == nil || req.Applied == nil {
		return nil, nil, errors.New("attach: the command is missing")
	}
	limit := req.Job.Timeout
	if limit <= 0 {
		limit = defaultTimeout
	}
	one := &session{s: s, id: req.Job.ID + "-" + rand.Text(), ended: make(chan struct{})}
	limited, cancel := context.WithTimeout(ctx, limit)
	one.ctx, one.end = context.WithCancelCause(limited)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.raise(req, nil); err != nil {
		cancel()
		return nil, nil, err
	}
	s.sessions[one] = true
	return one, func() {
		one.end(nil)
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.sessions, one)
		close(one.ended)
	}, nil
}

// endSessions ends all that are open.
func (s *Supervisor) endSessions(ctx context.Context) error {
	s.mu.Lock()
	var all []*session
	for one := range s.sessions {
		all = append(all, one)
	}
	s.mu.Unlock()
	for _, one := range all {
		one.end(errStopped)
	}
	for _, one := range all {
		select {
		case <-one.ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// run is the session from its first process to its last word.
func (o *session) run(in *json.Decoder, req control.Request) error {
	st, err := openStreams(req.Terminal, o.s.settings().User)
	if err != nil {
		return err
	}
	defer st.close()
	nonce := rand.Text()
	jobs := o.s.jobs
	if err := jobs.write(o.id, control.JobRecord{Nonce: filepath.Join(req.Component, nonce)}); err != nil {
		st.started()
		return err
	}
	defer func() { _ = os.Remove(jobs.file(o.id)) }() // left behind, it is an unfinished job's
	leave := jobs.enter(req.Component)
	began := time.Now().UTC()
	p, err := o.s.start(req.Component, *req.Applied, start{
		command: req.Job.Command, env: req.Job.Env, nonce: nonce, leaf: "jobs", streams: &st.process,
	})
	st.started()
	if err != nil {
		return errors.Join(control.Fail(control.CodeStart, fmt.Errorf("start %s: %w", req.Job.ID, err)), leave())
	}
	o.s.log.Info("session began", "job", req.Job.ID, "pid", p.PID)
	how, result, err := o.converse(in, st, p, func() error {
		return errors.Join(o.s.endRest(context.Background(), p.Identity, nonce), leave())
	})
	_ = os.Remove(filepath.Join(o.s.stamp.Component(req.Component).Proc(), nonce)) // only its own remains
	o.s.log.Info("session ended", "job", req.Job.ID, "how", how)
	if err != nil {
		return err
	}
	result.Started, result.Duration = began, time.Since(began)
	return o.lines.say(control.Said{Result: result})
}

// converse passes on what is typed and said until the command has ended; clean
// ends what it left behind.
func (o *session) converse(in *json.Decoder, st *streams, p *trampoline.Process, clean func() error) (string, *driver.JobResult, error) {
	if err := o.lines.out.Encode(control.Response{Version: control.Version, PID: os.Getpid()}); err != nil {
		o.end(err)
	}
	go o.listen(in, st) // ends with the connection
	var spoken sync.WaitGroup
	pass := func(from *os.File, as func([]byte) control.Said) {
		spoken.Go(func() {
			if err := o.lines.pass(from, as); err != nil {
				o.end(err)
			}
		})
	}
	pass(st.said, func(p []byte) control.Said { return control.Said{Data: p} })
	if st.errors != nil {
		pass(st.errors, func(p []byte) control.Said { return control.Said{Errors: p} })
	}
	go o.sign() // ends with the session
	gone := make(chan struct{})
	stop := context.AfterFunc(o.ctx, func() { hangUp(p.PID, gone) })
	how, code := p.Wait()
	close(gone)
	inTime := stop()
	err := clean()
	st.drained()
	defer o.hurry()()
	spoken.Wait()
	var cut *control.Failure
	if errors.As(context.Cause(o.ctx), &cut) {
		err = errors.Join(cut, err)
	}
	return how, &driver.JobResult{ExitCode: code, TimedOut: !inTime && errors.Is(o.ctx.Err(), context.DeadlineExceeded)}, err
}

// hurry lets a session that is cut end soon after its command though nobody
// reads what that said: who waits for its end does not wait for a reader. It is
// for when the command has ended; the returned function ends it.
func (o *session) hurry() func() {
	stop := context.AfterFunc(o.ctx, func() { _ = o.conn.SetWriteDeadline(time.Now().Add(drainWithin)) })
	return func() { stop() }
}

// listen does what is typed until the connection ends, and the session with it.
func (o *session) listen(in *json.Decoder, st *streams) {
	for {
		var line control.Typed
		if err := in.Decode(&line); err != nil {
			o.end(err)
			return
		}
		st.take(line)
	}
}

// sign says now and then that the session is there, to find out whether anybody
// listens.
func (o *session) sign() {
	tick := time.NewTicker(signEvery)
	defer tick.Stop()
	for {
		select {
		case <-o.ctx.Done():
			return
		case <-tick.C:
			if err := o.lines.say(control.Said{}); err != nil {
				o.end(err)
				return
			}
		}
	}
}

// hangUp tells a command that nobody is joined to it any more, and ends it when
// it does not go.
func hangUp(pgid int, gone <-chan struct{}) {
	process.SignalGroup(pgid, syscall.SIGHUP)
	process.SignalGroup(pgid, syscall.SIGCONT)
	late := time.NewTimer(hangUpGrace)
	defer late.Stop()
	select {
	case <-gone:
	case <-late.C:
		process.SignalGroup(pgid, killSignal)
	}
}
