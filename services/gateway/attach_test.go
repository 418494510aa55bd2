package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/pkg/errs"
)

// stamps is a provisioner that repeats what is typed, in capitals. "exit" ends it
// with 7, "break" with an error.
type stamps struct {
	provisionerv1.UnimplementedStampServiceServer
	calls

	left chan error // why the call ended, where the caller is waited for
}

func (s *stamps) AttachTask(stream grpc.BidiStreamingServer[provisionerv1.AttachTaskRequest, provisionerv1.AttachTaskResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	s.note(stream.Context(), first.GetBegin())
	if first.GetBegin().GetTask() != "shell" {
		return errs.New(errs.NotFound, "TASK_NOT_FOUND", "no task %q", first.GetBegin().GetTask())
	}
	err = stream.Send(&provisionerv1.AttachTaskResponse{Output: &provisionerv1.AttachTaskResponse_Started_{}})
	for err == nil {
		var req *provisionerv1.AttachTaskRequest
		req, err = stream.Recv()
		switch typed := string(req.GetData()); {
		case err != nil:
			if s.left != nil {
				s.left <- err
			}
		case typed == "exit":
			return stream.Send(&provisionerv1.AttachTaskResponse{Output: &provisionerv1.AttachTaskResponse_Result{Result: &provisionerv1.TaskResult{ExitCode: 7}}})
		case typed == "break":
			return errs.New(errs.FailedPrecondition, "SESSION_IDLE", "nobody said anything")
		default:
			err = stream.Send(&provisionerv1.AttachTaskResponse{Output: &provisionerv1.AttachTaskResponse_Data{Data: []byte(strings.ToUpper(typed))}})
		}
	}
	return err
}

const attachShell = "/v1/tenants/acme/stamp:attachTask?task=shell&terminal.rows=24&terminal.columns=80&term=vt100"

// dial connects as admin.
func (f *front) dial(t *testing.T, ctx context.Context) *websocket.Conn {
	t.Helper()
	ws, resp, err := websocket.Dial(ctx, f.url+attachShell, &websocket.DialOptions{
		HTTPClient: f.client, HTTPHeader: http.Header{"Authorization": {"Bearer adm"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("X-Trace-Id") == "" {
		t.Error("the answer names no trace")
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

func reads(t *testing.T, ctx context.Context, ws *websocket.Conn, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, text, err := ws.Read(ctx)
	if err != nil || !strings.Contains(strings.ReplaceAll(string(text), " ", ""), want) {
		t.Fatalf("read %s, %v; want %s", text, err, want)
	}
}

func types(t *testing.T, ctx context.Context, ws *websocket.Conn, text string) {
	t.Helper()
	message, err := json.Marshal(map[string][]byte{"data": []byte(text)})
	if err == nil {
		err = ws.Write(ctx, websocket.MessageText, message)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestAttachTask(t *testing.T) {
	f := open(t)
	ws := f.dial(t, t.Context())
	reads(t, t.Context(), ws, `{"started":{}}`)
	types(t, t.Context(), ws, "hello")
	reads(t, t.Context(), ws, `{"data":"SEVMTE8="}`)
	types(t, t.Context(), ws, "exit")
	reads(t, t.Context(), ws, `"exitCode":7`)
	if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("after the end: %v", err)
	}
	last := f.stamps.last()
	begin, _ := last.request.(*provisionerv1.AttachTaskRequest_Begin)
	if last.principal.Name != "tokens/admin" || begin.GetName() != "tenants/acme/stamp" || begin.GetTerm() != "vt100" ||
		begin.GetTerminal().GetRows() != 24 || begin.GetTerminal().GetColumns() != 80 {
		t.Errorf("it was asked for by %v: %v", last.principal, begin)
	}

	ws = f.dial(t, t.Context())
	reads(t, t.Context(), ws, `{"started":{}}`)
	types(t, t.Context(), ws, "break")
	reads(t, t.Context(), ws, `"reason":"SESSION_IDLE"`)

	ws = f.dial(t, t.Context())
	reads(t, t.Context(), ws, `{"started":{}}`)
	if err := ws.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusInvalidFramePayloadData {
		t.Errorf("what is no message: %v", err)
	}
}

// Who goes away, and a gateway that closes, end the call.
func TestAttachTaskEnds(t *testing.T) {
	f := open(t)
	f.stamps.left = make(chan error, 1)
	ws := f.dial(t, t.Context())
	reads(t, t.Context(), ws, `{"started":{}}`)
	_ = ws.CloseNow()
	wantLeft(t, "caller gone", f.stamps.left)
	ws = f.dial(t, t.Context())
	reads(t, t.Context(), ws, `{"started":{}}`)
	stopped := make(chan error, 1)
	go func() { stopped <- f.stop() }()
	reads(t, t.Context(), ws, `"reason":"GATEWAY_CLOSING"`)
	wantLeft(t, "closing", f.stamps.left)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func wantLeft(t *testing.T, why string, left <-chan error) {
	t.Helper()
	select {
	case err := <-left:
		t.Logf("%s: %v", why, err)
	case <-time.After(10 * time.Second):
		t.Errorf("%s: the call goes on", why)
	}
}

func TestAttachTaskRefused(t *testing.T) {
	f := open(t)
	upgrade := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
	for _, tc := range []struct {
		why, path, token string
		headers          []string
		status           int
		reason           string
	}{
		{"no websocket", attachShell, adminToken, nil, 426, "UPGRADE_REQUIRED"},
		{"no token", attachShell, "Authorization: none", upgrade, 401, "TOKEN_MISSING"},
		{"no such task", "/v1/tenants/acme/stamp:attachTask?task=dance", adminToken, upgrade, 404, "TASK_NOT_FOUND"},
		{"no number", "/v1/tenants/acme/stamp:attachTask?task=shell&terminal.rows=many", adminToken, upgrade, 400, "PARAMETER_MALFORMED"},
		{"too large", "/v1/tenants/acme/stamp:attachTask?task=shell&terminal.rows=100000", adminToken, upgrade, 400, "INVALID_REQUEST"},
		{"not upgraded", attachShell, adminToken, append([]string{"Connection: close"}, upgrade[1:]...), 426, "UPGRADE_REQUIRED"},
		{"another version", attachShell, adminToken, append([]string{"Sec-WebSocket-Version: 8"}, upgrade[0], upgrade[1], upgrade[3]), 400, "HANDSHAKE_MALFORMED"},
		{"no key", attachShell, adminToken, upgrade[:3], 400, "HANDSHAKE_MALFORMED"},
		{"bad key", attachShell, adminToken, append([]string{"Sec-WebSocket-Key: c2hvcnQ="}, upgrade[:3]...), 400, "HANDSHAKE_MALFORMED"},
		{"another site", attachShell, adminToken, append([]string{"Origin: https://evil.example"}, upgrade...), 403, "ORIGIN_REFUSED"},
		{"twice", attachShell + "&task=dance", adminToken, upgrade, 400, "PARAMETER_MALFORMED"},
		{"unknown parameter", attachShell + "&size=1", adminToken, upgrade, 400, "PARAMETER_MALFORMED"},
		{"gRPC's own", attachShell, adminToken, append([]string{"Grpc-Timeout: 1S"}, upgrade...), 400, "HEADER_REFUSED"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			a := f.send(t, http.MethodGet, tc.path, "", append([]string{tc.token}, tc.headers...)...)
			wantProblem(t, a, tc.status, tc.reason)
			if strings.Contains(a.text, "%!") {
				t.Errorf("it says %s", a.text)
			}
		})
	}
}
