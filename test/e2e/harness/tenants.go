package harness

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/testkit"
	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// Wish is a tenant as the tests order it.
func Wish(display, blueprint string) *registryv1.Tenant {
	return &registryv1.Tenant{
		DisplayName: display, Blueprint: "blueprints/" + blueprint, Plan: "standard",
		Inputs: map[string]*structpb.Value{"admin_email": structpb.NewStringValue("admin@customer.example")},
	}
}

// Create orders a tenant and gives its operation's name.
func (a *API) Create(id string, wish *registryv1.Tenant) string {
	a.t.Helper()
	var op longrunningpb.Operation
	a.Must(a.Call(http.MethodPost, "/v1/tenants?tenant_id="+url.QueryEscape(id), wish, &op))
	return op.GetName()
}

// Tenant reads one.
func (a *API) Tenant(id string) (*registryv1.Tenant, error) {
	var t registryv1.Tenant
	return &t, a.Read("/v1/tenants/"+id, &t)
}

// AwaitState waits until a tenant is in a state and nothing goes on.
func (a *API) AwaitState(id string, want registryv1.Tenant_State, limit time.Duration) *registryv1.Tenant {
	a.t.Helper()
	var tenant *registryv1.Tenant
	testkit.Eventually(a.t, limit, func() (err error) {
		if tenant, err = a.Tenant(id); err != nil {
			return err
		}
		if tenant.GetState() == registryv1.Tenant_FAILED && want != registryv1.Tenant_FAILED {
			a.t.Fatalf("%s failed: %v", id, tenant.GetStatus().GetFailure())
		}
		if tenant.GetState() != want || tenant.GetReconciling() {
			return fmt.Errorf("%s is %s, reconciling %t, obstacles %v; %s", id, tenant.GetState(), tenant.GetReconciling(),
				tenant.GetStatus().GetObstacles(), a.progress(tenant))
		}
		return nil
	})
	return tenant
}

// AwaitActive waits until a tenant is ACTIVE.
func (a *API) AwaitActive(id string, limit time.Duration) *registryv1.Tenant {
	a.t.Helper()
	return a.AwaitState(id, registryv1.Tenant_ACTIVE, limit)
}

// Operation reads the operation of a tenant's generation.
func (a *API) Operation(name string) (*longrunningpb.Operation, *typev1.OperationMetadata, error) {
	var op longrunningpb.Operation
	var meta typev1.OperationMetadata
	if err := a.Read("/v1/"+name, &op); err != nil {
		return nil, nil, err
	}
	return &op, &meta, op.GetMetadata().UnmarshalTo(&meta)
}

// progress tells what a tenant's operation is doing, for messages.
func (a *API) progress(t *registryv1.Tenant) string {
	_, meta, err := a.Operation(fmt.Sprintf("operations/%s.%d", t.GetName()[len("tenants/"):], t.GetGeneration()))
	if err != nil {
		return err.Error()
	}
	text := fmt.Sprintf("operation %s attempt %d, %s", meta.GetState(), meta.GetAttempt(), meta.GetProgress())
	for _, s := range meta.GetSteps() {
		if s.GetState() == typev1.Step_RUNNING || s.GetState() == typev1.Step_FAILED {
			text += fmt.Sprintf("; %s %s %s", s.GetId(), s.GetState(), s.GetMessage())
		}
	}
	if f := meta.GetFailure(); f != nil {
		text += fmt.Sprintf("; failure: %s %s", f.GetCode(), f.GetMessage())
	}
	return text
}

// Stamp reads what there is of a tenant.
func (a *API) Stamp(id string) (*provisionerv1.Stamp, error) {
	var s provisionerv1.Stamp
	return &s, a.Read("/v1/tenants/"+id+"/stamp", &s)
}

// AwaitHealthy waits until a tenant is HEALTHY, and gives its health.
func (a *API) AwaitHealthy(id string, limit time.Duration) *healthv1.TenantHealth {
	a.t.Helper()
	var h healthv1.TenantHealth
	testkit.Eventually(a.t, limit, func() error {
		if err := a.Read("/v1/tenants/"+id+"/health", &h); err != nil {
			return err
		}
		if h.GetState() != typev1.HealthState_HEALTHY {
			return fmt.Errorf("%s: %s %s", id, h.GetState(), h.GetSummary())
		}
		return nil
	})
	return &h
}

// Done makes a call that causes work, waits for its operation and gives its
// metadata; one that fails ends the test.
func (a *API) Done(method, path string, send proto.Message, limit time.Duration) *typev1.OperationMetadata {
	a.t.Helper()
	_, meta := a.work(method, path, send, limit)
	return meta
}

// Work is the same and gives the whole operation.
func (a *API) Work(method, path string, send proto.Message, limit time.Duration) *longrunningpb.Operation {
	a.t.Helper()
	op, _ := a.work(method, path, send, limit)
	return op
}

func (a *API) work(method, path string, send proto.Message, limit time.Duration) (*longrunningpb.Operation, *typev1.OperationMetadata) {
	a.t.Helper()
	var asked longrunningpb.Operation
	a.Must(a.Call(method, path, send, &asked))
	var op *longrunningpb.Operation
	var meta *typev1.OperationMetadata
	testkit.Eventually(a.t, limit, func() (err error) {
		if op, meta, err = a.Operation(asked.GetName()); err == nil && !op.GetDone() {
			err = fmt.Errorf("%s is %v", asked.GetName(), meta)
		}
		return err
	})
	if meta.GetState() != typev1.OperationMetadata_SUCCEEDED {
		a.t.Fatalf("%s ended as %v", asked.GetName(), meta)
	}
	return op, meta
}
