package provisioner_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
)

const tended = `
blueprint: tended
revision: 1.0.0
artifacts:
  tended: {file: /opt/tended, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
secrets:
  token: {length: 16, rotate: restart}
  seal: {length: 16}
plans:
  standard: {resources: {default: {cpu: 100m, memory: 64Mi}}}
components:
  app:
    artifact: tended
    env: {TOKEN: "${secrets.token}", SEAL: "${secrets.seal}"}
    run: tended serve
tasks:
  count: {component: app, exec: tended count}
  look: {component: app, exec: tended look, role: viewer}
  wipe: {component: app, exec: tended wipe, role: admin}
  shell: {component: app, exec: tended shell, interactive: true}
`

// tendedPlant has a customer with a secret that can be rotated, and tasks.
func tendedPlant(t *testing.T) (*plant, pb.StampServiceClient, longrunningpb.OperationsClient) {
	t.Helper()
	p := newPlant(t)
	p.revision = p.registry.Publish(t, tended)
	conn := p.start("one", memory.New(memory.Config{Job: func(_ context.Context, _ driver.Ref, _ driver.Manifest, j driver.Job) (driver.JobResult, error) {
		if slices.Contains(j.Command, "wipe") {
			return driver.JobResult{ExitCode: 9, Output: []string{"not empty"}}, nil
		}
		return driver.JobResult{Output: []string{"7 tickets", j.Env["TOKEN"]}}, nil
	}}))
	p.create("acme")
	ops := longrunningpb.NewOperationsClient(conn)
	p.wait(ops, "operations/acme.1")
	return p, pb.NewStampServiceClient(conn), ops
}

// wait gives an operation as it ended.
func (p *plant) wait(ops longrunningpb.OperationsClient, name string) *longrunningpb.Operation {
	p.t.Helper()
	op, err := ops.WaitOperation(p.ctx(), &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(soon)})
	if err != nil || !op.GetDone() {
		p.t.Fatalf("wait for %s: %v, %v", name, op, err)
	}
	return op
}

func (p *plant) as(role string) context.Context {
	return rpc.WithPrincipal(p.t.Context(), rpc.Principal{Name: "tokens/" + role, Role: role})
}

const acme = "tenants/acme/stamp"

func TestWorkOnAStamp(t *testing.T) {
	p, stamps, ops := tendedPlant(t)
	op, err := stamps.RotateSecret(p.as("operator"), &pb.RotateSecretRequest{Name: acme, Secret: "token", RequestId: "r"})
	if err != nil || op.GetName() != "operations/acme.rotate-1" {
		t.Fatalf("rotate: %v, %v", op, err)
	}
	again, err := stamps.RotateSecret(p.as("operator"), &pb.RotateSecretRequest{Name: acme, Secret: "token", RequestId: "r"})
	if err != nil || again.GetName() != op.GetName() {
		t.Errorf("the same again: %v, %v", again, err)
	}
	var stamp pb.Stamp
	if err := p.wait(ops, op.GetName()).GetResponse().UnmarshalTo(&stamp); err != nil || stamp.GetSecretVersions()["token"] != 2 || len(stamp.GetLedger()) != 0 {
		t.Errorf("response %v, %v", &stamp, err)
	}
	if op, err = stamps.RepairStamp(p.as("operator"), &pb.RepairStampRequest{Name: acme, Component: "app", Reason: "slow"}); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(ops, op.GetName()).GetResponse().UnmarshalTo(&stamp); err != nil || stamp.GetName() != acme {
		t.Errorf("response %v, %v", &stamp, err)
	}
	if op, err = stamps.RunTask(p.as("viewer"), &pb.RunTaskRequest{Name: acme, Task: "look"}); err != nil {
		t.Fatal(err)
	}
	var res pb.TaskResult
	if err := p.wait(ops, op.GetName()).GetResponse().UnmarshalTo(&res); err != nil || !slices.Equal(res.GetOutput(), []string{"7 tickets", "secret:token@2"}) || res.GetComponent() != "app" {
		t.Errorf("response %v, %v", &res, err)
	}
	if op, err = stamps.RunTask(p.as("admin"), &pb.RunTaskRequest{Name: acme, Task: "wipe"}); err != nil {
		t.Fatal(err)
	}
	if failed := p.wait(ops, op.GetName()).GetError(); !strings.Contains(failed.GetMessage(), "ended with exit code 9") {
		t.Errorf("error %v", failed)
	}
	who := map[string]string{"acme.rotate-1 rotate.succeeded": "tokens/operator", "acme.task-1 task.succeeded": "tokens/viewer", "acme.task-2 task.failed": "tokens/admin"}
	for _, entry := range p.registry.Timeline("acme") {
		words := strings.Fields(entry)
		if want := who[words[0]+" "+words[1]]; want != "" && words[2] != want+":" {
			t.Errorf("timeline says %q, want %s", entry, want)
		}
		delete(who, words[0]+" "+words[1])
	}
	if len(who) > 0 {
		t.Errorf("the timeline lacks %v: %v", who, p.registry.Timeline("acme"))
	}
}

// What a task prints is only for those who may run it.
func TestOutputOfATask(t *testing.T) {
	p, stamps, ops := tendedPlant(t)
	for task, cases := range map[string]map[string]bool{
		"look":  {"viewer": true},
		"count": {"viewer": false, "sales": false, "operator": true, "admin": true},
		"wipe":  {"viewer": false, "operator": false, "admin": true},
	} {
		asked, err := stamps.RunTask(p.as("admin"), &pb.RunTaskRequest{Name: acme, Task: task})
		if err != nil {
			t.Fatal(err)
		}
		p.wait(ops, asked.GetName())
		for role, want := range cases {
			for way, op := range ways(t, p.as(role), ops, asked.GetName()) {
				said, err := protojson.Marshal(op)
				if err != nil || !op.GetDone() {
					t.Fatalf("%s: %v, %v", task, op, err)
				}
				if got := strings.Contains(string(said), "7 tickets") || strings.Contains(string(said), "not empty"); got != want {
					t.Errorf("%s of %s sees what it printed by %s: %v, want %v: %s", role, task, way, got, want, said)
				}
				if !strings.Contains(string(said), task) {
					t.Errorf("%s does not see the task %s by %s: %s", role, task, way, said)
				}
			}
		}
	}
}

// ways are all ways to read an operation.
func ways(t *testing.T, ctx context.Context, ops longrunningpb.OperationsClient, name string) map[string]*longrunningpb.Operation {
	t.Helper()
	got, err := ops.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	waited, err := ops.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	all, err := ops.ListOperations(ctx, &longrunningpb.ListOperationsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(all.GetOperations(), func(op *longrunningpb.Operation) bool { return op.GetName() == name })
	if at < 0 {
		t.Fatalf("%s is not listed", name)
	}
	return map[string]*longrunningpb.Operation{"get": got, "wait": waited, "list": all.GetOperations()[at]}
}

func TestWorkOnAStampThatIsRefused(t *testing.T) {
	p, stamps, _ := tendedPlant(t)
	task := func(role, name string) func() error {
		return func() error {
			_, err := stamps.RunTask(p.as(role), &pb.RunTaskRequest{Name: acme, Task: name})
			return err
		}
	}
	rotate := func(role, name, secret string) func() error {
		return func() error {
			_, err := stamps.RotateSecret(p.as(role), &pb.RotateSecretRequest{Name: name, Secret: secret})
			return err
		}
	}
	repair := func(role, component string) func() error {
		return func() error {
			_, err := stamps.RepairStamp(p.as(role), &pb.RepairStampRequest{Name: acme, Component: component})
			return err
		}
	}
	for _, c := range []struct {
		name   string
		do     func() error
		kind   errs.Kind
		reason string
		says   string
	}{
		{"no way", rotate("admin", acme, "seal"), errs.FailedPrecondition, "SECRET_NOT_ROTATABLE", "rotate: restart"},
		{"no such secret", rotate("admin", acme, "taken"), errs.NotFound, "SECRET_NOT_FOUND", "seal, token"},
		{"no such stamp", rotate("admin", "tenants/nobody/stamp", "token"), errs.NotFound, "STAMP_NOT_FOUND", ""},
		{"no name", rotate("admin", "tenants/acme", "token"), errs.InvalidArgument, "NAME_INVALID", ""},
		{"sales may not rotate", rotate("sales", acme, "token"), errs.PermissionDenied, "PERMISSION_MISSING", ""},
		{"no such component", repair("admin", "db"), errs.NotFound, "COMPONENT_NOT_FOUND", ""},
		{"viewer may not repair", repair("viewer", ""), errs.PermissionDenied, "PERMISSION_MISSING", ""},
		{"no such task", task("admin", "dance"), errs.NotFound, "TASK_NOT_FOUND", "count, look, shell, wipe"},
		{"below the default role", task("sales", "count"), errs.PermissionDenied, "TASK_ROLE_MISSING", "operator"},
		{"below the task's role", task("operator", "wipe"), errs.PermissionDenied, "TASK_ROLE_MISSING", "admin"},
		{"interactive", task("operator", "shell"), errs.FailedPrecondition, "TASK_INTERACTIVE", ":attachTask"},
	} {
		err := c.do()
		if !errs.Is(err, c.kind) || errs.ReasonOf(err) != c.reason || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	p.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = true })
	testkit.Eventually(t, soon, func() error {
		if err := task("operator", "count")(); errs.ReasonOf(err) != "STAMP_NOT_RUNNING" || !errs.Is(err, errs.FailedPrecondition) {
			return fmt.Errorf("of a suspended tenant: %w", err)
		}
		return nil
	})
}
