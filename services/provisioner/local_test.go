package provisioner_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local"
	"stampworks.dev/services/provisioner/driver/local/host"
)

// web is a product in ten lines, around a program that the machine has.
const web = `
blueprint: web
revision: 1.0.0
artifacts:
  python: {host: python3}
plans:
  standard: {resources: {default: {cpu: 100m, memory: 128Mi}}}
components:
  site:
    artifact: python
    volumes: [data]
    ports: {http: 8000}
    setup: python3 -c "open('${volumes.data}/hello.txt','w').write('hello ${tenant.id}')"
    run: python3 -m http.server --bind ${site.http.bind} --directory ${volumes.data} ${site.http.port}
    ready: {http: http, path: /hello.txt}
endpoint: site.http
smoke:
  - {http: /hello.txt}
`

// TestRealStamp makes a stamp of real processes and destroys it again.
func TestRealStamp(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skipf("no python3 on this machine: %v", err)
	}
	p := newPlant(t)
	p.revision = p.registry.Publish(t, web)
	cell := openLocal(t)
	conn := p.start("one", cell)
	ops := longrunningpb.NewOperationsClient(conn)
	wait := func(generation int) {
		t.Helper()
		name := fmt.Sprintf("operations/acme.%d", generation)
		op, err := ops.WaitOperation(p.ctx(), &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(soon)})
		if err != nil || op.GetResponse() == nil {
			t.Fatalf("wait for %s: %v, %v", name, op, err)
		}
	}
	p.create("acme")
	t.Cleanup(func() {
		_ = cell.Destroy(context.WithoutCancel(t.Context()), driver.Ref{Tenant: "acme", UID: "uid-acme", Token: 1 << 60})
	})
	wait(1)
	url := p.registry.Tenant("acme").GetStatus().GetUrl()
	if got := get(t, url+"/hello.txt"); got != "hello acme" {
		t.Errorf("the customer's URL says %q", got)
	}
	stamp, err := pb.NewStampServiceClient(conn).GetStamp(p.ctx(), &pb.GetStampRequest{Name: "tenants/acme/stamp"})
	if err != nil || len(stamp.GetIsolation()) == 0 || stamp.GetComponents()[0].GetAddresses()["http"] == "" {
		t.Errorf("stamp %v, %v", stamp, err)
	}
	p.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = true })
	wait(2)
	if _, err := http.Get(url); err == nil {
		t.Error("a suspended stamp answers")
	}
	p.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = false })
	wait(3)
	if got := get(t, url+"/hello.txt"); got != "hello acme" {
		t.Errorf("resumed, the customer's URL says %q", got)
	}
	p.registry.Wish("acme", func(t *registryv1.Tenant) { t.DeleteTime, t.Purging = timestamppb.Now(), true })
	wait(4)
	testkit.Eventually(t, soon, func() error {
		obs, err := cell.Observe(t.Context(), driver.Ref{Tenant: "acme", UID: "uid-acme"})
		if err != nil || obs.Exists {
			return fmt.Errorf("purged, there is %v, %w", obs, err)
		}
		return nil
	})
}

func openLocal(t *testing.T) driver.Driver {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "stamp-supervisor")
	build := exec.Command("go", "build", "-o", dir, "./cmd/stamp-supervisor", "./cmd/stamp-host")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build programs: %v\n%s", err, out)
	}
	cfg := provisioner.Default()
	cfg.DataDir, cfg.HostDir = dir, filepath.Join(dir, "host")
	// Ports that another test process on this machine is not likely to give out.
	first := 20000 + os.Getpid()%500*20
	cfg.Cell.Supervisor, cfg.Cell.Ports, cfg.Cell.Unisolated = program, host.Range{First: first, Last: first + 19}, true
	d, err := local.New(cfg.Local(), local.Deps{Log: testkit.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(body))
}
