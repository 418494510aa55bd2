package progress

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
)

// gateway answers with one state after the other; the last one is done.
func gateway(t *testing.T, states ...*typev1.OperationMetadata) *client.Client {
	t.Helper()
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := int(asked.Add(1)) - 1
		if n >= len(states) {
			n = len(states) - 1
		}
		if states[n] == nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		meta, err := anypb.New(states[n])
		if err != nil {
			t.Error(err)
		}
		text, err := protojson.Marshal(&longrunningpb.Operation{Name: "operations/acme.1", Metadata: meta, Done: states[n].GetEndTime() != nil})
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(text)
	}))
	t.Cleanup(srv.Close)
	return client.New(client.Config{Address: srv.URL})
}

func finished() *typev1.OperationMetadata {
	op := acme()
	op.Steps = op.Steps[:7]
	op.Steps[6].State, op.Steps[6].EndTime = typev1.Step_DONE, at(2.2)
	op.State, op.EndTime = typev1.OperationMetadata_SUCCEEDED, at(2.3)
	return op
}

func TestPlainTellsEachBeginAndEndOnce(t *testing.T) {
	var out bytes.Buffer
	// The gateway is away for a moment: that is no reason to give up.
	final, err := Watch(t.Context(), gateway(t, acme(), nil, acme(), finished()), "operations/acme.1", &out, false)
	if err != nil || final.GetState() != typev1.OperationMetadata_SUCCEEDED {
		t.Fatalf("got %v, %v", final.GetState(), err)
	}
	for _, want := range []string{"  0.1s  db.setup begins\n", "  1.1s  db.setup done in 1.0s\n", "  1.6s  app.migrate begins\n", "  2.2s  app.migrate done in 0.6s\n"} {
		if strings.Count(out.String(), want) != 1 {
			t.Errorf("want %q once in\n%s", want, out.String())
		}
	}
}

func TestLiveRedrawsInPlace(t *testing.T) {
	var out bytes.Buffer
	if _, err := Watch(t.Context(), gateway(t, acme(), finished()), "operations/acme.1", &out, true); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\x1b[4A") || !strings.HasSuffix(out.String(), "\x1b[?25h") {
		t.Errorf("got %q", out.String())
	}
}

func TestTheContextEndsTheWatchOnly(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Watch(ctx, gateway(t, acme()), "operations/acme.1", &bytes.Buffer{}, false); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAnUnknownOperationIsToldAtOnce(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	_, err := Watch(t.Context(), client.New(client.Config{Address: srv.URL}), "operations/x.1", &bytes.Buffer{}, false)
	var problem *client.Problem
	if !errors.As(err, &problem) || problem.Status != http.StatusNotFound {
		t.Errorf("got %v", err)
	}
}
