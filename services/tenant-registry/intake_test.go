package tenantregistry_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/webhook"
)

// crm is a source as its sender knows it.
type crm struct {
	*registry

	name string
	key  []byte
}

func (r *registry) crm(t testing.TB, source *registryv1.Source) *crm {
	t.Helper()
	source.Kind = registryv1.Source_STANDARD
	made, err := r.intake.CreateSource(ctx(t), &registryv1.CreateSourceRequest{SourceId: "crm", Source: source})
	if err != nil {
		t.Fatal(err)
	}
	key, err := webhook.ParseSecret("secret", made.GetGeneratedSecret())
	if err != nil {
		t.Fatal(err)
	}
	return &crm{registry: r, name: made.GetName(), key: key}
}

// deal is the body of a deal that was won.
func deal(id, company string, changes ...string) string {
	body := fmt.Sprintf(`{"type":"deal.won","timestamp":%q,"data":{"deal":{"id":%q,"amount":48000,"currency":"EUR"},"company":{"name":%q},"blueprint":"blueprints/helpdesk","plan":"starter","inputs":{"seats":5}}}`,
		time.Now().UTC().Format(time.RFC3339), id, company)
	return strings.NewReplacer(changes...).Replace(body)
}

// send signs and delivers, and gives the delivery's name.
func (c *crm) send(t testing.TB, event, body string) string {
	t.Helper()
	resp, err := c.deliver(t, webhook.Sign(c.key, event, time.Now(), []byte(body)), body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetDelivery()
}

func (c *crm) deliver(t testing.TB, headers map[string]string, body string) (*registryv1.ReceiveDeliveryResponse, error) {
	t.Helper()
	return c.intake.ReceiveDelivery(ctx(t), &registryv1.ReceiveDeliveryRequest{Name: c.name, Method: "POST", Path: "/hooks/crm", Headers: headers, Body: []byte(body)})
}

// outcome waits until a delivery was worked on.
func (c *crm) outcome(t testing.TB, name string, want registryv1.Delivery_Outcome) *registryv1.Delivery {
	t.Helper()
	var got *registryv1.Delivery
	testkit.Eventually(t, 10*time.Second, func() (err error) {
		if got, err = c.intake.GetDelivery(ctx(t), &registryv1.GetDeliveryRequest{Name: name}); err == nil && got.GetOutcome() == registryv1.Delivery_OUTCOME_UNSPECIFIED {
			err = fmt.Errorf("%s has no outcome yet", name)
		}
		return err
	})
	if got.GetOutcome() != want {
		t.Errorf("outcome %s (%s), want %s", got.GetOutcome(), got.GetReason(), want)
	}
	return got
}

func (c *crm) mode(t testing.TB, mode registryv1.Source_Mode) {
	t.Helper()
	if _, err := c.intake.UpdateSource(ctx(t), &registryv1.UpdateSourceRequest{Source: &registryv1.Source{Name: c.name, Mode: mode}}); err != nil {
		t.Fatal(err)
	}
}

func TestAutoMakesOneTenantOfADealHoweverOftenItIsSent(t *testing.T) {
	r := start(t)
	c := r.crm(t, &registryv1.Source{Mode: registryv1.Source_AUTO})
	headers := webhook.Sign(c.key, "ev_1", time.Now(), []byte(deal("42", "Acme Rockets")))
	first, err := c.deliver(t, headers, deal("42", "Acme Rockets"))
	if err != nil || first.GetStatus() != 202 || !strings.Contains(string(first.GetBody()), `"status":"stored"`) {
		t.Fatalf("%v, %v", first, err)
	}
	made := c.outcome(t, first.GetDelivery(), registryv1.Delivery_CREATED)
	tenant := r.get(t, "acme-rockets")
	if made.GetTenant() != "tenants/acme-rockets" || made.GetDealId() != "42" || len(made.GetPreview()) == 0 || tenant.GetDeal().GetSource() != "sources/crm" || tenant.GetDeal().GetAmount() != 48000 {
		t.Errorf("delivery %v, tenant %v", made, tenant)
	}
	if trace := strings.Split(tenant.GetTraceparent(), "-"); len(trace) < 2 || trace[1] != made.GetTraceId() {
		t.Errorf("the tenant's trace %s is not the delivery's %s", tenant.GetTraceparent(), made.GetTraceId())
	}
	lines, err := r.tenants.ListTimeline(ctx(t), &registryv1.ListTimelineRequest{Parent: tenant.GetName()})
	if err != nil || lines.GetTimelineEntries()[0].GetPrincipal() != "sources/crm" {
		t.Errorf("%v, %v", lines, err)
	}

	again := c.send(t, "ev_1", deal("42", "Acme Rockets"))
	if same := c.outcome(t, again, registryv1.Delivery_CREATED); again != first.GetDelivery() || same.GetRepeats() != 1 {
		t.Errorf("the same event: %v", same)
	}
	other := c.outcome(t, c.send(t, "ev_2", deal("42", "Acme Rockets")), registryv1.Delivery_DUPLICATE)
	if other.GetTenant() != "tenants/acme-rockets" {
		t.Errorf("another event of the deal: %v", other)
	}
	if replayed, err := c.intake.ReplayDelivery(ctx(t), &registryv1.ReplayDeliveryRequest{Name: again}); err != nil || replayed.GetOutcome() != registryv1.Delivery_CREATED {
		t.Errorf("replay: %v, %v", replayed, err)
	}
	namesake := c.outcome(t, c.send(t, "ev_3", deal("43", "ACME rockets")), registryv1.Delivery_CREATED)
	if namesake.GetTenant() != "tenants/acme-rockets-2" || !strings.Contains(namesake.GetReason(), "taken") {
		t.Errorf("a second customer of that name: %v", namesake)
	}
	if list, err := r.tenants.ListTenants(ctx(t), &registryv1.ListTenantsRequest{}); err != nil || list.GetTotalSize() != 2 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestModes(t *testing.T) {
	r := start(t)
	c := r.crm(t, &registryv1.Source{})
	name := c.send(t, "ev_1", deal("42", "Acme"))
	would := c.outcome(t, name, registryv1.Delivery_WOULD_CREATE)
	preview := &registryv1.Tenant{}
	if err := protojson.Unmarshal([]byte(would.GetPreview()), preview); err != nil || preview.GetName() != "tenants/acme" || preview.GetBlueprint() != "blueprints/helpdesk/revisions/1.0.0" {
		t.Errorf("preview %s: %v", would.GetPreview(), err)
	}
	_, err := c.intake.ApproveDelivery(ctx(t), &registryv1.ApproveDeliveryRequest{Name: name})
	_ = reason(t, "approve of a dry run", err, errs.FailedPrecondition, "DELIVERY_NOT_WAITING")

	c.mode(t, registryv1.Source_APPROVE)
	waiting, err := c.intake.ReplayDelivery(ctx(t), &registryv1.ReplayDeliveryRequest{Name: name})
	if err != nil || waiting.GetOutcome() != registryv1.Delivery_NEEDS_APPROVAL {
		t.Fatalf("%v, %v", waiting, err)
	}
	_, err = r.tenants.GetTenant(ctx(t), &registryv1.GetTenantRequest{Name: "tenants/acme"})
	_ = reason(t, "before approval", err, errs.NotFound, "TENANT_NOT_FOUND")
	for range 2 {
		done, err := c.intake.ApproveDelivery(ctx(t), &registryv1.ApproveDeliveryRequest{Name: name})
		if err != nil || done.GetOutcome() != registryv1.Delivery_CREATED || done.GetApprover() != "tokens/admin" {
			t.Errorf("approved: %v, %v", done, err)
		}
	}
	r.get(t, "acme")
	list, err := c.intake.ListDeliveries(ctx(t), &registryv1.ListDeliveriesRequest{Parent: "sources/-", Filter: "outcome = CREATED"})
	if err != nil || len(list.GetDeliveries()) != 1 || len(list.GetDeliveries()[0].GetBody()) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestOutcomesForPeople(t *testing.T) {
	r := start(t)
	c := r.crm(t, &registryv1.Source{Mode: registryv1.Source_AUTO})
	for name, e := range map[string]struct {
		body    string
		outcome registryv1.Delivery_Outcome
		field   string
	}{
		"lost":              {deal("1", "A", "deal.won", "deal.lost"), registryv1.Delivery_IGNORED, ""},
		"ping":              {`{"ping":true}`, registryv1.Delivery_IGNORED, ""},
		"won long ago":      {deal("2", "A", time.Now().UTC().Format("2006-"), "2001-"), registryv1.Delivery_IGNORED, ""},
		"missing input":     {deal("3", "A", `"seats":5`, ""), registryv1.Delivery_NEEDS_ATTENTION, "inputs.seats"},
		"unknown plan":      {deal("4", "A", `"starter"`, `"huge"`), registryv1.Delivery_NEEDS_ATTENTION, "plan"},
		"unknown blueprint": {deal("5", "A", "blueprints/helpdesk", "blueprints/nope"), registryv1.Delivery_NEEDS_ATTENTION, "blueprint"},
		"no company":        {deal("6", "A", `"company"`, `"firm"`), registryv1.Delivery_NEEDS_ATTENTION, "mapping.tenant_id"},
		"long currency":     {deal("7", "A", `"EUR"`, `"EUROS"`), registryv1.Delivery_NEEDS_ATTENTION, "deal.currency"},
	} {
		got := c.outcome(t, c.send(t, name, e.body), e.outcome)
		if got.GetField() != e.field || got.GetReason() == "" || got.GetTenant() != "" {
			t.Errorf("%s: %v, want field %q", name, got, e.field)
		}
	}
	if list, err := r.tenants.ListTenants(ctx(t), &registryv1.ListTenantsRequest{}); err != nil || list.GetTotalSize() != 0 {
		t.Errorf("%v, %v", list, err)
	}
	// Put right at the source, replayed.
	name := c.send(t, "late", deal("8", "Beta", `"seats":5`, ""))
	c.outcome(t, name, registryv1.Delivery_NEEDS_ATTENTION)
	changed, err := c.intake.UpdateSource(ctx(t), &registryv1.UpdateSourceRequest{
		Source: &registryv1.Source{Name: c.name, Mapping: &registryv1.Mapping{Inputs: `{"seats": 7}`}}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"mapping.inputs"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if changed.GetLastDelivery() != name || !strings.Contains(changed.GetSetupInstructions(), "that it has already") {
		t.Errorf("the answer forgets the last delivery, or speaks of a secret that nobody gave: %v", changed)
	}
	if got, err := c.intake.ReplayDelivery(ctx(t), &registryv1.ReplayDeliveryRequest{Name: name}); err != nil || got.GetOutcome() != registryv1.Delivery_CREATED {
		t.Errorf("%v, %v", got, err)
	}
	if seats := r.get(t, "beta").GetInputs()["seats"].GetNumberValue(); seats != 7 {
		t.Errorf("%v seats", seats)
	}
}

func TestUnprovenMessagesStoreNothing(t *testing.T) {
	r := start(t)
	c := r.crm(t, &registryv1.Source{Mode: registryv1.Source_AUTO})
	body := deal("42", "Acme")
	signed := webhook.Sign(c.key, "ev_1", time.Now(), []byte(body))
	_, err := c.deliver(t, signed, body+" ")
	_ = reason(t, "another body", err, errs.Unauthenticated, "SIGNATURE_INVALID")
	_, err = c.deliver(t, webhook.Sign(c.key, "ev_1", time.Now().Add(-6*time.Minute), []byte(body)), body)
	_ = reason(t, "old", err, errs.Unauthenticated, "TIMESTAMP_TOO_OLD")
	_, err = c.deliver(t, webhook.Sign(c.key, "ev_1", time.Now(), []byte("[]")), "[]")
	_ = reason(t, "no object", err, errs.InvalidArgument, "BODY_MALFORMED")
	for _, name := range []string{"sources/nobody", "sources/NOBODY", "sources/-"} {
		_, err = (&crm{registry: r, name: name}).deliver(t, signed, body)
		_ = reason(t, name, err, errs.NotFound, "SOURCE_NOT_FOUND")
	}
	_, err = c.deliver(t, signed, strings.Repeat("x", 70_000))
	_ = reason(t, "too large", err, errs.InvalidArgument, "INVALID_REQUEST")
	list, err := c.intake.ListDeliveries(ctx(t), &registryv1.ListDeliveriesRequest{Parent: "sources/-"})
	if err != nil || len(list.GetDeliveries()) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestSecretsAreNeverReadBack(t *testing.T) {
	r := start(t)
	given := webhook.NewSecret()
	req := &registryv1.CreateSourceRequest{SourceId: "crm", RequestId: "x", Source: &registryv1.Source{Kind: registryv1.Source_STANDARD, Secret: given}}
	made, err := r.intake.CreateSource(ctx(t), req)
	if err != nil || made.GetSecret() != "" || made.GetGeneratedSecret() != "" || made.GetWebhookUrl() != "http://127.0.0.1:8080/hooks/crm" || made.GetMode() != registryv1.Source_DRY_RUN || made.GetMaxCreatesPerHour() != 10 {
		t.Fatalf("%v, %v", made, err)
	}
	if again, err := r.intake.CreateSource(ctx(t), req); err != nil || again.GetUid() != made.GetUid() {
		t.Errorf("the same request: %v, %v", again, err)
	}
	_, err = r.intake.CreateSource(ctx(t), &registryv1.CreateSourceRequest{SourceId: "crm", RequestId: "x", Source: &registryv1.Source{Kind: registryv1.Source_STANDARD}})
	_ = reason(t, "another request under its id", err, errs.AlreadyExists, "IDEMPOTENCY_KEY_REUSED")
	_, err = r.intake.CreateSource(ctx(t), &registryv1.CreateSourceRequest{SourceId: "crm", Source: &registryv1.Source{Kind: registryv1.Source_STANDARD}})
	_ = reason(t, "taken", err, errs.AlreadyExists, "SOURCE_EXISTS")

	old, _ := webhook.ParseSecret("", given)
	c := &crm{registry: r, name: "sources/crm", key: old}
	rotated, err := r.intake.UpdateSource(ctx(t), &registryv1.UpdateSourceRequest{Source: &registryv1.Source{Name: "sources/crm"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"secret"}}})
	if err != nil || rotated.GetGeneratedSecret() == "" || rotated.GetEtag() == made.GetEtag() {
		t.Fatalf("%v, %v", rotated, err)
	}
	c.send(t, "ev_old", deal("1", "A"))
	c.key, _ = webhook.ParseSecret("", rotated.GetGeneratedSecret())
	c.send(t, "ev_new", deal("1", "A"))

	read, err := r.intake.GetSource(ctx(t), &registryv1.GetSourceRequest{Name: "sources/crm"})
	list, err2 := r.intake.ListSources(ctx(t), &registryv1.ListSourcesRequest{})
	if err != nil || err2 != nil || read.GetLastDelivery() == "" {
		t.Fatal(read, err, err2)
	}
	for _, text := range []string{protojson.Format(read), protojson.Format(list)} {
		if strings.Contains(text, "whsec_") {
			t.Errorf("a secret was read back: %s", text)
		}
	}
	kvs, err := testkit.Etcd(t).Client(t).Get(ctx(t), r.cfg.Prefix+"source-secrets/crm")
	if err != nil || len(kvs.Kvs) != 1 || strings.Contains(string(kvs.Kvs[0].Value), "whsec_") {
		t.Errorf("secrets at rest: %v, %v", kvs, err)
	}
}

func TestSourcesAreCheckedWhenSaved(t *testing.T) {
	r := start(t)
	_, err := r.intake.CreateSource(ctx(t), &registryv1.CreateSourceRequest{SourceId: "crm", Source: &registryv1.Source{
		Kind: registryv1.Source_STANDARD, Won: "event.type ==", Mapping: &registryv1.Mapping{Plan: "nope"}}})
	e := reason(t, "expressions", err, errs.InvalidArgument, "SOURCE_INVALID")
	if len(e.Violations) != 2 || e.Violations[0].Field != "source.won" || e.Violations[1].Field != "source.mapping.plan" {
		t.Errorf("violations %v", e.Violations)
	}
	_, err = r.intake.CreateSource(ctx(t), &registryv1.CreateSourceRequest{SourceId: "crm", Source: &registryv1.Source{Kind: registryv1.Source_STANDARD, Secret: "hunter2"}})
	if e := reason(t, "secret", err, errs.InvalidArgument, "SECRET_INVALID"); strings.Contains(e.Message, "hunter2") {
		t.Error("the secret is in the error")
	}
	c := r.crm(t, &registryv1.Source{})
	_, err = c.intake.UpdateSource(ctx(t), &registryv1.UpdateSourceRequest{Source: &registryv1.Source{Name: c.name, Mode: registryv1.Source_AUTO, Etag: "old"}})
	_ = reason(t, "etag", err, errs.Conflict, "ETAG_MISMATCH")
}

func TestTrialStoresNothing(t *testing.T) {
	r := start(t)
	c := r.crm(t, &registryv1.Source{Mode: registryv1.Source_AUTO})
	would, err := c.intake.TestSource(ctx(t), &registryv1.TestSourceRequest{Name: c.name, Body: []byte(deal("1", "Acme"))})
	if err != nil || would.GetDelivery().GetOutcome() != registryv1.Delivery_CREATED || would.GetDelivery().GetTenant() != "tenants/acme" {
		t.Errorf("%v, %v", would, err)
	}
	_, err = r.tenants.GetTenant(ctx(t), &registryv1.GetTenantRequest{Name: "tenants/acme"})
	_ = reason(t, "after a trial", err, errs.NotFound, "TENANT_NOT_FOUND")
}

func TestBudgetOfAnHour(t *testing.T) {
	r := start(t)
	c := r.crm(t, &registryv1.Source{Mode: registryv1.Source_AUTO, MaxCreatesPerHour: 3})
	names := make([]string, 6)
	for i := range names {
		names[i] = c.send(t, fmt.Sprint("ev", i), deal(fmt.Sprint(i), fmt.Sprint("Firm ", i)))
	}
	count := map[registryv1.Delivery_Outcome]int{}
	var waiting string
	testkit.Eventually(t, 10*time.Second, func() error {
		clear(count)
		for _, name := range names {
			got, err := c.intake.GetDelivery(ctx(t), &registryv1.GetDeliveryRequest{Name: name})
			if err != nil {
				return err
			}
			if count[got.GetOutcome()]++; got.GetOutcome() == registryv1.Delivery_NEEDS_APPROVAL {
				waiting = name
			}
		}
		if count[registryv1.Delivery_OUTCOME_UNSPECIFIED] > 0 {
			return fmt.Errorf("not all are worked on: %v", count)
		}
		return nil
	})
	if count[registryv1.Delivery_CREATED] != 3 || count[registryv1.Delivery_NEEDS_APPROVAL] != 3 {
		t.Errorf("outcomes %v", count)
	}
	if got, err := c.intake.ApproveDelivery(ctx(t), &registryv1.ApproveDeliveryRequest{Name: waiting}); err != nil || got.GetOutcome() != registryv1.Delivery_CREATED {
		t.Errorf("a person's word counts more: %v, %v", got, err)
	}
}

func TestTwoReplicasMakeOneTenantOfADeal(t *testing.T) {
	r := start(t)
	c := r.crm(t, &registryv1.Source{Mode: registryv1.Source_AUTO, MaxCreatesPerHour: 100})
	second := &crm{registry: replica(t, r.cfg, r.authority), name: c.name, key: c.key}
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			at := []*crm{c, second}[i%2]
			body := deal(fmt.Sprint(i/4), fmt.Sprint("Firm ", i/4))
			if _, err := at.deliver(t, webhook.Sign(c.key, fmt.Sprint("ev", i/2), time.Now(), []byte(body)), body); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	outcomes := map[registryv1.Delivery_Outcome]int{}
	testkit.Eventually(t, 15*time.Second, func() error {
		clear(outcomes)
		list, err := c.intake.ListDeliveries(ctx(t), &registryv1.ListDeliveriesRequest{Parent: c.name})
		for _, d := range list.GetDeliveries() {
			outcomes[d.GetOutcome()]++
		}
		if err == nil && outcomes[registryv1.Delivery_OUTCOME_UNSPECIFIED] > 0 {
			err = fmt.Errorf("not all are worked on: %v", outcomes)
		}
		return err
	})
	if outcomes[registryv1.Delivery_CREATED] != 6 || outcomes[registryv1.Delivery_DUPLICATE] != 6 {
		t.Errorf("outcomes %v", outcomes)
	}
	if list, err := r.tenants.ListTenants(ctx(t), &registryv1.ListTenantsRequest{}); err != nil || list.GetTotalSize() != 6 {
		t.Errorf("%d tenants, %v", list.GetTotalSize(), err)
	}
}

func TestWhatADeadReplicaReceivedIsWorkedOn(t *testing.T) {
	r := start(t)
	c := r.crm(t, &registryv1.Source{})
	name := c.send(t, "ev_1", deal("1", "Acme"))
	c.outcome(t, name, registryv1.Delivery_WOULD_CREATE)
	c.mode(t, registryv1.Source_AUTO)
	r.stop()
	// As a replica leaves it that dies right after it stored a delivery.
	client := testkit.Etcd(t).Client(t)
	id := strings.TrimPrefix(strings.Replace(name, "/deliveries/", "/", 1), "sources/")
	queued := &registryv1.Delivery{Name: name, CreateTime: timestamppb.Now()}
	raw, err := proto.Marshal(queued)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Put(ctx(t), r.cfg.Prefix+"queue/"+id, string(raw)); err != nil {
		t.Fatal(err)
	}
	fresh := &crm{registry: replica(t, r.cfg, r.authority), name: c.name, key: c.key}
	testkit.Eventually(t, 10*time.Second, func() error {
		got, err := fresh.intake.GetDelivery(ctx(t), &registryv1.GetDeliveryRequest{Name: name})
		if err == nil && got.GetOutcome() != registryv1.Delivery_CREATED {
			err = fmt.Errorf("outcome %s", got.GetOutcome())
		}
		return err
	})
}

// TestAnEventIDOfAnotherDeal: the second deal is not taken for the first's repeat.
func TestAnEventIDOfAnotherDeal(t *testing.T) {
	r := start(t)
	c := r.crm(t, &registryv1.Source{})
	name := c.send(t, "ev_1", deal("1", "Acme"))
	if again := c.send(t, "ev_1", deal("1", "Acme Rockets")); again != name {
		t.Errorf("the same deal again is %s, want %s", again, name)
	}
	body := deal("2", "Globex")
	_, err := c.deliver(t, webhook.Sign(c.key, "ev_1", time.Now(), []byte(body)), body)
	_ = reason(t, "another deal", err, errs.AlreadyExists, "EVENT_ID_REUSED")
	c.send(t, "ping", `{"type":"ping"}`)
	c.send(t, "ping", `{"type":"ping","data":{}}`)
	_, err = c.deliver(t, webhook.Sign(c.key, "ping", time.Now(), []byte(body)), body)
	_ = reason(t, "no deal before", err, errs.AlreadyExists, "EVENT_ID_REUSED")
	got, err := c.intake.GetDelivery(ctx(t), &registryv1.GetDeliveryRequest{Name: name})
	if err != nil || got.GetRepeats() != 1 {
		t.Errorf("%v, %v: want one repeat", got, err)
	}
}

func TestReceiptIsJSON(t *testing.T) {
	r := start(t)
	c := r.crm(t, &registryv1.Source{})
	body := deal("1", "Acme")
	resp, err := c.deliver(t, webhook.Sign(c.key, "ev", time.Now(), []byte(body)), body)
	var receipt map[string]string
	if err != nil || json.Unmarshal(resp.GetBody(), &receipt) != nil || receipt["delivery"] != resp.GetDelivery() || resp.GetContentType() != "application/json" {
		t.Errorf("%v, %v", resp, err)
	}
}
