package task

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protojson"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

// attach runs a task that talks, with the caller's terminal or pipes. Its exit
// code becomes this command's.
func attach(ctx context.Context, o *options, tenant, task string) error {
	ctx, cancel := o.Bounded(ctx, 0)
	defer cancel()
	screen, query := o.Screen(), url.Values{"task": {task}}
	if screen != nil {
		columns, rows := screen.Size()
		query.Set("terminal.columns", strconv.Itoa(columns))
		query.Set("terminal.rows", strconv.Itoa(rows))
		query.Set("term", o.Getenv("TERM"))
	}
	ws, err := o.client.Talk(ctx, "/v1/"+tenant+"/stamp:attachTask", query)
	if err != nil {
		return err
	}
	defer func() { _ = ws.CloseNow() }()
	t := &talk{ws: ws, in: o.In, out: o.Out, err: o.Err}
	if screen != nil {
		giveBack, err := screen.Raw()
		if err != nil {
			return err
		}
		defer giveBack()
		go t.follow(ctx, screen) // ends with ctx
	}
	go t.types(ctx) // ends with the process: nobody can be kept from typing
	result, err := t.hear(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return lost(err, tenant)
	case result.GetExitCode() < 0:
		return &exit.Error{Code: exit.OperationFailed, Message: task + " was ended by a signal"}
	case result.GetExitCode() > 0:
		return exit.Said(int(result.GetExitCode()))
	}
	return nil
}

// lost says what to do when the connection broke: the task ended with it.
func lost(err error, tenant string) error {
	var problem *client.Problem
	if errors.As(err, &problem) {
		return err
	}
	return &exit.Error{Code: exit.Unavailable, Message: "the connection was lost, and the task ended with it: " + err.Error(),
		Next: "what it did until then is done; look with: stamp show " + names.Short(tenant)}
}

// talk is what is said over one WebSocket.
type talk struct {
	ws       *websocket.Conn
	in       io.Reader
	out, err io.Writer

	mu sync.Mutex // of what is sent
}

func (t *talk) send(ctx context.Context, req *provisionerv1.AttachTaskRequest) error {
	text, err := protojson.Marshal(req)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ws.Write(ctx, websocket.MessageText, text)
}

// types sends what is typed, to its end. A connection that broke is seen by hear.
func (t *talk) types(ctx context.Context) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := t.in.Read(buffer)
		if n > 0 && t.send(ctx, &provisionerv1.AttachTaskRequest{Input: &provisionerv1.AttachTaskRequest_Data{Data: buffer[:n]}}) != nil {
			return
		}
		if err != nil {
			_ = t.send(ctx, &provisionerv1.AttachTaskRequest{Input: &provisionerv1.AttachTaskRequest_End{End: true}})
			return
		}
	}
}

// follow sends the size of the terminal when it changes.
func (t *talk) follow(ctx context.Context, screen *session.Screen) {
	changed, stop := screen.Resized()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		columns, rows := screen.Size()
		size := &provisionerv1.TerminalSize{Columns: int32(columns), Rows: int32(rows)}
		if t.send(ctx, &provisionerv1.AttachTaskRequest{Input: &provisionerv1.AttachTaskRequest_Resize{Resize: size}}) != nil {
			return
		}
	}
}

// hear prints what the task says, and gives how it ended.
func (t *talk) hear(ctx context.Context) (*provisionerv1.TaskResult, error) {
	for {
		_, text, err := t.ws.Read(ctx)
		if err != nil {
			return nil, err
		}
		var failed struct {
			Error *client.Problem `json:"error"`
		}
		if json.Unmarshal(text, &failed) == nil && failed.Error != nil {
			return nil, failed.Error
		}
		res := &provisionerv1.AttachTaskResponse{}
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, res); err != nil {
			return nil, err
		}
		if res.GetResult() != nil {
			return res.GetResult(), nil
		}
		_, err = t.out.Write(res.GetData())
		if err == nil {
			_, err = t.err.Write(res.GetErrorData())
		}
		if err != nil {
			return nil, err
		}
	}
}

// talks says whether a task was not begun because it talks with a person.
func talks(err error) bool {
	var problem *client.Problem
	return errors.As(err, &problem) && problem.Reason == "TASK_INTERACTIVE" && problem.Status == http.StatusBadRequest
}
