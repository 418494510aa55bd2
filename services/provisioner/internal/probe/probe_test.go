package probe_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/services/provisioner/internal/probe"
)

func TestAsk(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/teapot":
			w.WriteHeader(http.StatusTeapot)
		case "/away":
			http.Redirect(w, r, "/", http.StatusFound)
		}
	}))
	defer web.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := free.Addr().String()
	_ = free.Close()

	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv, state := grpc.NewServer(), health.NewServer()
	healthpb.RegisterHealthServer(srv, state)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(lis) }()
	defer func() { srv.Stop(); t.Log("served until the end:", <-done) }()

	for _, c := range []struct {
		name  string
		probe blueprint.Probe
		fails string
	}{
		{"http", blueprint.Probe{HTTP: web.URL + "/"}, ""},
		{"another status", blueprint.Probe{HTTP: web.URL + "/teapot"}, "418"},
		{"the status wanted", blueprint.Probe{HTTP: web.URL + "/teapot", Status: 418}, ""},
		{"a redirect is no 200", blueprint.Probe{HTTP: web.URL + "/away", Status: 200}, "302"},
		{"nobody there", blueprint.Probe{HTTP: "http://" + nobody}, "refused"},
		{"tcp", blueprint.Probe{TCP: lis.Addr().String()}, ""},
		{"tcp, nobody there", blueprint.Probe{TCP: nobody}, "refused"},
		{"grpc", blueprint.Probe{GRPC: lis.Addr().String()}, ""},
		{"nothing to ask", blueprint.Probe{}, "neither"},
	} {
		t.Run(c.name, func(t *testing.T) {
			said, err := probe.Network{}.Ask(t.Context(), c.probe)
			if c.fails == "" && (err != nil || said == "") {
				t.Errorf("%q, %v", said, err)
			}
			if c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("%q, %v; want an error with %q", said, err, c.fails)
			}
		})
	}
	state.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	if _, err := (probe.Network{}).Ask(t.Context(), blueprint.Probe{GRPC: lis.Addr().String()}); err == nil || !strings.Contains(err.Error(), "NOT_SERVING") {
		t.Errorf("not serving: %v", err)
	}
}
