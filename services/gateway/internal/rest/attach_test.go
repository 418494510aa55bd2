package rest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// waiting is a provisioner whose tasks do not begin before the caller leaves.
type waiting struct {
	provisionerv1.StampServiceClient
	asked chan struct{}
}

func (w *waiting) AttachTask(ctx context.Context, _ ...grpc.CallOption) (grpc.BidiStreamingClient[provisionerv1.AttachTaskRequest, provisionerv1.AttachTaskResponse], error) {
	w.asked <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

// What is open is limited, also before the task runs; who leaves makes room.
func TestAttachTooMany(t *testing.T) {
	stamps := &waiting{asked: make(chan struct{}, 1)}
	h := attach(stamps, 2)
	begin := func(ctx context.Context) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/tenants/acme/stamp:attachTask?task=shell", nil)
		for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	open := func() (leave func()) {
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() {
			defer close(left)
			begin(ctx)
		}()
		<-stamps.asked
		return func() { cancel(); <-left }
	}
	first, second := open(), open()
	if w := begin(t.Context()); w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), `"SESSIONS_TOO_MANY"`) {
		t.Errorf("the third: %d %s", w.Code, w.Body)
	}
	first()
	third := open()
	second()
	third()
}
