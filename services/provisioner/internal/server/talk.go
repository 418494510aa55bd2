package server

import (
	"context"
	"errors"
	"io"
	"time"

	"stampworks.dev/pkg/errs"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/driver"
)

// talk is one call of AttachTask.
type talk struct {
	ctx    context.Context
	end    context.CancelCauseFunc
	stream attachStream
	idle   time.Duration
	silent *time.Timer
}

func newTalk(ctx context.Context, end context.CancelCauseFunc, stream attachStream, idle time.Duration) *talk {
	t := &talk{ctx: ctx, end: end, stream: stream, idle: idle}
	t.silent = time.AfterFunc(idle, func() {
		end(errs.New(errs.FailedPrecondition, "SESSION_IDLE", "the task was ended: nobody said anything for %v", idle))
	})
	context.AfterFunc(ctx, func() { t.silent.Stop() })
	return t
}

// heard puts the end of a silent call off.
func (t *talk) heard() { t.silent.Reset(t.idle) }

// why gives the reason of a call that was ended, in place of what followed.
func (t *talk) why(err error) error {
	var known *errs.Error
	if cause := context.Cause(t.ctx); errors.As(cause, &known) {
		return known
	}
	if t.ctx.Err() != nil {
		return t.ctx.Err() // the caller is gone: what else went wrong followed from that
	}
	return err
}

// session joins the task to the call.
func (t *talk) session(begin *pb.AttachTaskRequest_Begin, started func() error) driver.Session {
	input := make(chan driver.Input)
	s := driver.Session{
		Input: input,
		Started: func() error {
			if err := started(); err != nil {
				return err
			}
			go t.listen(input) // ends with the call
			return t.stream.Send(&pb.AttachTaskResponse{Output: &pb.AttachTaskResponse_Started_{Started: &pb.AttachTaskResponse_Started{}}})
		},
		Output: func(said []byte) error {
			t.heard()
			return t.stream.Send(&pb.AttachTaskResponse{Output: &pb.AttachTaskResponse_Data{Data: said}})
		},
		Errors: func(said []byte) error {
			t.heard()
			return t.stream.Send(&pb.AttachTaskResponse{Output: &pb.AttachTaskResponse_ErrorData{ErrorData: said}})
		},
	}
	if begin.GetTerminal() != nil {
		size := sizeOf(begin.GetTerminal())
		s.Terminal = &size
	}
	return s
}

func sizeOf(t *pb.TerminalSize) driver.TerminalSize {
	return driver.TerminalSize{Rows: uint16(t.GetRows()), Columns: uint16(t.GetColumns())}
}

// listen hands on what the caller does until the call ends. Who says nothing more
// may still wait for the answer.
func (t *talk) listen(input chan<- driver.Input) {
	for {
		req, err := t.stream.Recv()
		done := errors.Is(err, io.EOF) || err == nil && req.GetEnd()
		if err != nil && !done {
			t.end(err)
			return
		}
		if done {
			close(input)
			return
		}
		if req.GetBegin() != nil {
			t.end(errs.New(errs.InvalidArgument, "BEGIN_REPEATED", "the task was ended: begin came a second time, and a call runs one task; make another call"))
			return
		}
		t.heard()
		one := driver.Input{Typed: req.GetData()}
		if size := req.GetResize(); size != nil {
			now := sizeOf(size)
			one.Size = &now
		}
		if len(one.Typed) == 0 && one.Size == nil {
			continue
		}
		select {
		case input <- one:
		case <-t.ctx.Done():
			return
		}
	}
}

// forward lets the replica that reaches the cell run the task, and passes on what
// both say.
func (t *talk) forward(peer pb.StampServiceClient, first *pb.AttachTaskRequest, began func()) (*pb.TaskResult, error) {
	to, err := peer.AttachTask(t.ctx)
	if err == nil {
		err = to.Send(first)
	}
	if err != nil && !errors.Is(err, io.EOF) { // then Recv says why
		return nil, err
	}
	go t.passOn(to) // ends with the call
	for {
		res, err := to.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errs.New(errs.Unavailable, "CELL_UNREACHABLE", "the replica that reaches the cell gave no result")
		case err != nil:
			return nil, err
		case res.GetResult() != nil:
			return res.GetResult(), nil
		case res.GetStarted() != nil:
			began()
		}
		t.heard()
		if err := t.stream.Send(res); err != nil {
			return nil, err
		}
	}
}

func (t *talk) passOn(to interface {
	Send(*pb.AttachTaskRequest) error
	CloseSend() error
},
) {
	for {
		req, err := t.stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			_ = to.CloseSend() // a broken stream is seen by who receives
			return
		case err != nil:
			t.end(err)
			return
		}
		t.heard()
		if to.Send(req) != nil {
			return
		}
	}
}
