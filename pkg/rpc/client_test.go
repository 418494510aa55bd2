package rpc_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/internal/echo"
	"stampworks.dev/pkg/rpc/rpctest"
)

func TestUnavailableIsTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		failures int32
		kind     errs.Kind
		calls    int32
	}{
		"three failures": {3, errs.Unavailable, 4},
		"four failures":  {4, errs.Unavailable, 4},
		"other kinds":    {1, errs.Conflict, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			conn := serve(t, func(context.Context, string) (string, error) {
				if n := calls.Add(1); n <= c.failures {
					return "", errs.New(c.kind, "BUSY", "busy")
				}
				return "done", nil
			}).Dial(t, "gateway")
			_, err := echo.Call(t.Context(), conn, "GetNote", "x")
			if calls.Load() != c.calls {
				t.Errorf("called %d times, want %d", calls.Load(), c.calls)
			}
			if wantOK := c.failures < c.calls; (err == nil) != wantOK {
				t.Errorf("got %v", err)
			}
			if err != nil {
				_ = wantKind(t, err, c.kind, "BUSY")
			}
		})
	}
}

func TestManyTargetsAreUsedInTurn(t *testing.T) {
	a := rpctest.NewAuthority(t)
	var addrs []string
	var calls [2]atomic.Int32
	for i := range calls {
		srv := rpctest.ServeWith(t, a, rpc.ServerDeps{Service: "tenant-registry"}, register(t, func(context.Context, string) (string, error) {
			calls[i].Add(1)
			return "done", nil
		}))
		addrs = append(addrs, srv.Addr)
	}
	conn, err := rpc.Dial(rpc.ClientConfig{Target: strings.Join(addrs, ", "), TLS: a.TLS(t, "gateway"), Server: "tenant-registry"}, rpc.ClientDeps{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for n := 0; calls[0].Load() == 0 || calls[1].Load() == 0; n++ {
		if n == 500 {
			t.Fatalf("after 500 calls: %d and %d", calls[0].Load(), calls[1].Load())
		}
		if _, err := echo.Call(t.Context(), conn, "GetNote", "x"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWrongClientConfigs(t *testing.T) {
	files := rpctest.NewAuthority(t).TLS(t, "gateway")
	for name, cfg := range map[string]rpc.ClientConfig{
		"no target":    {},
		"half a tls":   {Target: "127.0.0.1:1", TLS: rpc.TLSConfig{CA: files.CA}, Server: "health"},
		"no server":    {Target: "127.0.0.1:1", TLS: files},
		"missing file": {Target: "127.0.0.1:1", TLS: rpc.TLSConfig{CA: files.CA, Cert: files.Cert, Key: files.Key + "x"}, Server: "health"},
		"timeout":      {Target: "127.0.0.1:1", Timeout: -1},
	} {
		if conn, err := rpc.Dial(cfg, rpc.ClientDeps{}); err == nil {
			_ = conn.Close()
			t.Errorf("%s was accepted", name)
		}
	}
}
