package wait

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/session"
)

// TestCtrlC: whoever stops waiting is told how to look again, and nothing but
// looking was asked of the gateway.
func TestCtrlC(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/v1/operations/acme.1" {
			t.Errorf("asked %s %s", r.Method, r.URL.Path)
		}
		_, _ = w.Write([]byte(`{"name":"operations/acme.1"}`))
		cancel()
	}))
	t.Cleanup(srv.Close)
	s := &session.Session{Err: &bytes.Buffer{}}
	_, err := For(ctx, s, client.New(client.Config{Address: srv.URL}), "operations/acme.1")
	if exit.Code(err) != exit.Interrupted || !strings.Contains(err.Error(), "stamp operation wait acme.1") {
		t.Errorf("got %d, %v", exit.Code(err), err)
	}
}

// The control plane may go while somebody waits: the work does not, and no second
// one is to be started here.
func TestNobodyAnswersAnyMore(t *testing.T) {
	err := lost(&client.UnreachableError{Address: "http://gateway", Cause: errors.New("refused")}, "look again with: stamp operation wait acme.1")
	if exit.Code(err) != exit.Unavailable || strings.Contains(err.Error(), "make run") ||
		!strings.HasSuffix(err.Error(), "what was begun is not lost, and goes on once Stampworks is back; look again with: stamp operation wait acme.1") {
		t.Errorf("got %d, %v", exit.Code(err), err)
	}
}

func TestFailed(t *testing.T) {
	for state, want := range map[typev1.OperationMetadata_State]string{
		typev1.OperationMetadata_SUCCEEDED:  "",
		typev1.OperationMetadata_CANCELLED:  "operation acme.1 was cancelled",
		typev1.OperationMetadata_SUPERSEDED: "operation acme.1 was superseded by a newer generation",
		typev1.OperationMetadata_FAILED:     "operation acme.1 failed: nobody said why",
	} {
		err := Failed("operations/acme.1", &typev1.OperationMetadata{State: state})
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: got %v", state, err)
		case want != "" && (err == nil || err.Error() != want || exit.Code(err) != exit.OperationFailed):
			t.Errorf("%s: got %v, want %q", state, err, want)
		}
	}
}

func TestExplain(t *testing.T) {
	got := strings.Join(Explain(&typev1.Failure{
		Code: typev1.Failure_NEVER_READY, Owner: typev1.Failure_PRODUCT, Component: "db", Message: "it never answered",
		Evidence: []string{"FATAL: \x1b[31mno"}, NextAction: "read its log",
	}), "\n")
	if want := "db: it never answered (NEVER_READY)\n| FATAL: ?[31mno\nnext, for product: read its log"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
