package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/gateway/internal/edge"
	"stampworks.dev/services/gateway/internal/problem"
)

// attachPattern is where a task that talks with a person is joined to one.
const attachPattern = "GET /v1/tenants/{tenant}/stamp:attachTask"

const (
	// attachMessage is the largest message, in bytes: 64 KiB typed, as JSON.
	attachMessage = 128 << 10
	// pingEvery keeps whoever stands between from taking a silent connection for
	// a dead one.
	pingEvery = 30 * time.Second
	// stalledWithin is how long a caller may let the output wait: people stop it
	// to read.
	stalledWithin = 30 * time.Minute
	// attachMost is how many connections there may be at once.
	attachMost = 256
)

type talkStream = grpc.BidiStreamingClient[provisionerv1.AttachTaskRequest, provisionerv1.AttachTaskResponse]

// attach is AttachTask over a WebSocket. The query is what the call begins with;
// then each message, either way, is one of the call as JSON. The last one is the
// result, or a problem as {"error": …}. What is refused before the task runs is
// answered as any other request.
func attach(stamps provisionerv1.StampServiceClient, most int) http.Handler {
	open := make(chan struct{}, most)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		edge.Route(r.Context(), strings.TrimPrefix(attachPattern, "GET "))
		begin, err := beginOf(r)
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		select {
		case open <- struct{}{}:
			defer func() { <-open }()
		default:
			problem.Write(w, r, errs.New(errs.ResourceExhausted, "SESSIONS_TOO_MANY", "%d tasks talk with people through this gateway, which is as many as may: try again when one has ended", most))
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		stream, started, err := beginTalk(ctx, stamps, begin)
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return // it is answered
		}
		defer func() { _ = ws.CloseNow() }()
		ws.SetReadLimit(attachMessage)
		go ping(ctx, ws)                   // ends with ctx
		go listen(ctx, cancel, ws, stream) // ends with the connection
		if err = say(ctx, ws, started); err == nil {
			err = talk(ctx, ws, stream)
		}
		if err != nil && ctx.Err() == nil {
			text, _ := json.Marshal(map[string]problem.Problem{"error": problem.Of(r, err)}) // it has strings only
			_ = write(ctx, ws, text)
		}
		_ = ws.Close(websocket.StatusNormalClosure, "")
	})
}

// beginOf reads the query.
func beginOf(r *http.Request) (*provisionerv1.AttachTaskRequest_Begin, error) {
	if err := mayUpgrade(r); err != nil {
		return nil, err
	}
	begin := &provisionerv1.AttachTaskRequest_Begin{Name: "tenants/" + r.PathValue("tenant") + "/stamp"}
	size := &provisionerv1.TerminalSize{}
	for name, values := range r.URL.Query() {
		var err error
		switch value := values[0]; name {
		case "task":
			begin.Task = value
		case "term":
			begin.Term = value
		case "terminal.rows":
			begin.Terminal = size
			size.Rows, err = number(value)
		case "terminal.columns":
			begin.Terminal = size
			size.Columns, err = number(value)
		default:
			err = errors.New("is not a parameter of this method")
		}
		if err == nil && len(values) > 1 {
			err = errors.New("came more than once")
		}
		if err != nil {
			return nil, errs.New(errs.InvalidArgument, "PARAMETER_MALFORMED", "%s=%s: want task, term, terminal.rows and terminal.columns, each once: %w", name, values[0], err)
		}
	}
	return begin, nil
}

func number(text string) (int32, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, errors.New("is not a number")
	}
	return int32(n), nil
}

// beginTalk opens the call and waits until the task runs, or is refused.
func beginTalk(ctx context.Context, stamps provisionerv1.StampServiceClient, begin *provisionerv1.AttachTaskRequest_Begin) (talkStream, *provisionerv1.AttachTaskResponse, error) {
	stream, err := stamps.AttachTask(ctx)
	if err != nil {
		return nil, nil, err
	}
	err = stream.Send(&provisionerv1.AttachTaskRequest{Input: &provisionerv1.AttachTaskRequest_Begin_{Begin: begin}})
	if err != nil && !errors.Is(err, io.EOF) { // then Recv says why
		return nil, nil, err
	}
	started, err := stream.Recv()
	return stream, started, err
}

// listen hands on what the caller does. Its end is the end of the call.
func listen(ctx context.Context, cancel func(), ws *websocket.Conn, stream talkStream) {
	defer cancel()
	for {
		_, text, err := ws.Read(ctx)
		if err != nil {
			return
		}
		req := &provisionerv1.AttachTaskRequest{}
		if err := protojson.Unmarshal(text, req); err != nil {
			_ = ws.Close(websocket.StatusInvalidFramePayloadData, "not an AttachTaskRequest as JSON")
			return
		}
		if stream.Send(req) != nil {
			<-ctx.Done() // talk says why
			return
		}
	}
}

// talk hands on what the task says, up to its end.
func talk(ctx context.Context, ws *websocket.Conn, stream talkStream) error {
	for {
		res, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = say(ctx, ws, res)
		}
		if err != nil {
			return err
		}
	}
}

func say(ctx context.Context, ws *websocket.Conn, m proto.Message) error {
	text, err := protojson.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	return write(ctx, ws, text)
}

func write(ctx context.Context, ws *websocket.Conn, text []byte) error {
	ctx, cancel := context.WithTimeout(ctx, stalledWithin)
	defer cancel()
	return ws.Write(ctx, websocket.MessageText, text)
}

// ping asks now and then whether the caller is there. One who does not read just
// now does not answer; one who is gone is seen by listen.
func ping(ctx context.Context, ws *websocket.Conn) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			soon, cancel := context.WithTimeout(ctx, pingEvery)
			_ = ws.Ping(soon)
			cancel()
		}
	}
}
