//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/test/e2e/harness"
)

// stampWithin is how long one stamp may take, on two busy cores.
const stampWithin = 90 * time.Second

// TestServicesInAnyOrder: the four programs are started in any order, with
// config files, against a real etcd; a signed deal becomes a customer's own
// copy.
func TestServicesInAnyOrder(t *testing.T) {
	h := harness.New(t, harness.Options{})
	order := []string{"gateway", "health", "provisioner", "tenant-registry"}
	random := seeded(t)
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	t.Logf("started in this order: %v", order)
	for _, name := range order {
		h.Start(name)
		h.AwaitListening(name)
	}
	h.AwaitReady(order...)

	product := sample(t, h.API)
	h.API.Publish(product, "1.0.0")
	crm := h.API.Source("crm", registryv1.Source_AUTO)
	begin := time.Now()
	answer := crm.Won(harness.Deal{Company: "Acme Rockets", Blueprint: product})
	answered := time.Since(begin)
	delivery := crm.Delivery(answer)
	if delivery.GetOutcome() != registryv1.Delivery_CREATED || delivery.GetTenant() != "tenants/acme-rockets" {
		t.Fatalf("the delivery came to %s %s %s", delivery.GetOutcome(), delivery.GetTenant(), delivery.GetReason())
	}
	tenant := h.API.AwaitActive("acme-rockets", stampWithin)
	took := time.Since(begin)
	if err := (harness.Desk{URL: tenant.GetStatus().GetUrl()}).Serves(); err != nil {
		t.Errorf("the customer's address does not serve: %v", err)
	}
	health := h.API.AwaitHealthy("acme-rockets", 30*time.Second)
	t.Logf("evidence: %s, answered in %v, ACTIVE after %v at %s; %q", product, answered, took, tenant.GetStatus().GetUrl(), health.GetSummary())
	traced(t, h.API, answer.Header.Get("X-Trace-Id"), delivery)
	timeline(t, h.API)
}

// traced holds the operation to the trace of the request that caused it.
func traced(t *testing.T, api *harness.API, want string, delivery *registryv1.Delivery) {
	t.Helper()
	op, meta, err := api.Operation("operations/acme-rockets.1")
	api.Must(err)
	if !op.GetDone() || meta.GetState() != typev1.OperationMetadata_SUCCEEDED || len(meta.GetSteps()) == 0 {
		t.Errorf("the operation is %s, done %t, with %d steps", meta.GetState(), op.GetDone(), len(meta.GetSteps()))
	}
	if want == "" || meta.GetTraceId() != want || delivery.GetTraceId() != want {
		t.Errorf("the webhook's trace is %q, the delivery's %q, the operation's %q", want, delivery.GetTraceId(), meta.GetTraceId())
	}
	t.Logf("evidence: one trace %s from the webhook to %d steps", want, len(meta.GetSteps()))
}

// timeline holds the tenant's timeline to what happened.
func timeline(t *testing.T, api *harness.API) {
	t.Helper()
	var list registryv1.ListTimelineResponse
	api.Must(api.Call(http.MethodGet, "/v1/tenants/acme-rockets/timeline", nil, &list))
	var said []string
	for _, e := range list.GetTimelineEntries() {
		said = append(said, e.GetAction()+" by "+e.GetPrincipal())
	}
	slices.Reverse(said)
	for _, want := range []string{"tenant.created by sources/crm", "tenant.active by services/provisioner"} {
		if !slices.Contains(said, want) {
			t.Errorf("the timeline lacks %q: %q", want, said)
		}
	}
	t.Logf("evidence: timeline %q", said)
}

// sample is the sample product that the machine can run.
func sample(t *testing.T, api *harness.API) string {
	t.Helper()
	product := "helpdesk-lite"
	testkit.Eventually(t, 20*time.Second, func() error {
		var cells registryv1.ListCellsResponse
		if err := api.Read("/v1/cells", &cells); err != nil {
			return err
		}
		if len(cells.GetCells()) == 0 || len(cells.GetCells()[0].GetStatus().GetAllocatable()) == 0 {
			return fmt.Errorf("no cell has said what it gives out: %v", &cells)
		}
		if _, has := cells.GetCells()[0].GetStatus().GetPrograms()["postgres"]; has {
			product = "helpdesk"
		}
		return nil
	})
	if product == "helpdesk-lite" {
		t.Log("no PostgreSQL here: helpdesk-lite")
	}
	return product
}

// seeded gives random numbers of a seed that is printed: E2E_SEED repeats it.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("E2E_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("E2E_SEED: %v", err)
		}
	}
	t.Logf("E2E_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
