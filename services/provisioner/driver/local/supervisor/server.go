package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"stampworks.dev/services/provisioner/driver/local/control"
)

// server answers on the stamp's socket.
type server struct {
	s        *Supervisor
	listener net.Listener
}

// listen binds run/sock by its short name, from inside its directory.
func listen(s *Supervisor) (*server, error) {
	if err := os.Chdir(s.stamp.Run()); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if err := os.Remove("sock"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("listen: %w", err)
	}
	l, err := net.Listen("unix", "sock")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // the next one's may be there by then
	return &server{s: s, listener: l}, nil
}

func (v *server) close() error { return v.listener.Close() }

// serve answers until the context ends. Requests that are under way are
// answered, as far as they get.
func (v *server) serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = v.listener.Close() })
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	for {
		conn, err := v.listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		all.Go(func() { v.answer(ctx, conn) })
	}
}

func (v *server) answer(ctx context.Context, conn net.Conn) {
	stop := context.AfterFunc(ctx, func() {
		if c, ok := conn.(*net.UnixConn); ok {
			_ = c.CloseRead() // the last answer still goes out
		}
	})
	defer stop()
	defer func() { _ = conn.Close() }() // answered, or gone
	in, out := json.NewDecoder(conn), json.NewEncoder(conn)
	for {
		var req control.Request
		if in.Decode(&req) != nil {
			return // the other end has what it wanted
		}
		if req.Op == control.OpAttach {
			v.s.attach(ctx, conn, in, out, req)
			return
		}
		resp := control.Response{Version: control.Version, PID: os.Getpid()}
		result, err := v.s.do(ctx, req)
		resp.Result = result.job
		if err != nil {
			resp.Failure = control.Fail(control.CodeUnknown, err)
		}
		if out.Encode(resp) != nil {
			return
		}
		if result.last {
			v.s.quit()
			return
		}
	}
}
