package mapping_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/mapping"
)

const won = `{"type":"deal.won","timestamp":"2026-03-01T10:00:00Z","data":{
  "deal":{"id":9007199254740993,"amount":48000,"currency":"EUR","owner":"Dana Ruiz"},
  "company":{"name":" Acme Rockets "},"contact":{"name":"Ann","email":"ann@acme.example"},
  "blueprint":"blueprints/helpdesk","plan":"standard","inputs":{"seats":25,"colour":"red"}}}`

var received = time.Date(2026, 3, 1, 10, 0, 5, 0, time.UTC)

func program(t testing.TB, source *registryv1.Source) *mapping.Program {
	t.Helper()
	p, err := mapping.Compile(source)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func event(t testing.TB, body string) mapping.Event {
	t.Helper()
	e, err := mapping.Decode([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestDefaults(t *testing.T) {
	p, ctx := program(t, &registryv1.Source{}), context.Background()
	if ok, problem := p.Won(ctx, event(t, won), received); !ok || problem != nil {
		t.Fatalf("won: %v, %v", ok, problem)
	}
	d, problem := p.Map(ctx, "sources/crm", event(t, won), received)
	if problem != nil {
		t.Fatal(problem)
	}
	switch tenant := d.Tenant; {
	case d.ID != "9007199254740993":
		t.Errorf("a number as id lost digits: %s", d.ID)
	case d.TenantID != "acme-rockets" || tenant.GetDisplayName() != "Acme Rockets":
		t.Errorf("tenant %q, %q", d.TenantID, tenant.GetDisplayName())
	case !d.WonTime.Equal(received.Add(-5 * time.Second)):
		t.Errorf("won at %s", d.WonTime)
	case tenant.GetInputs()["seats"].GetNumberValue() != 25 || tenant.GetInputs()["colour"].GetStringValue() != "red":
		t.Errorf("inputs %v", tenant.GetInputs())
	case tenant.GetDeal().GetAmount() != 48000 || tenant.GetDeal().GetSource() != "sources/crm" || tenant.GetContact().GetEmail() != "ann@acme.example":
		t.Errorf("deal %v, contact %v", tenant.GetDeal(), tenant.GetContact())
	}
}

// Which plan a deal without one gets is the blueprint's business.
func TestADealNeedsNoPlan(t *testing.T) {
	ctx := context.Background()
	d, problem := program(t, &registryv1.Source{}).Map(ctx, "sources/crm", event(t, strings.Replace(won, `"plan"`, `"plam"`, 1)), received)
	if problem != nil || d.Tenant.GetPlan() != "" {
		t.Errorf("plan %q, %+v", d.Tenant.GetPlan(), problem)
	}
}

// A name without Latin letters is a name.
func TestNamesOfAllLanguages(t *testing.T) {
	for dealID, want := range map[string]string{"9007199254740993": "deal-9007199254740993", `"D/7 x"`: "deal-d-7-x", `"取引"`: "deal-"} {
		body := strings.Replace(strings.Replace(won, " Acme Rockets ", "日本語", 1), "9007199254740993", dealID, 1)
		d, problem := program(t, &registryv1.Source{}).Map(t.Context(), "sources/crm", event(t, body), received)
		if problem != nil || !strings.HasPrefix(d.TenantID, want) || len(d.TenantID) <= len("deal-") || d.Tenant.GetDisplayName() != "日本語" {
			t.Errorf("deal %s: %q, %v", dealID, d.TenantID, problem)
		}
	}
}

func TestProblemsNameTheField(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		mapping *registryv1.Mapping
		body    string
		field   string
		missing bool
	}{
		"no deal":    {nil, `{"type":"deal.won","data":{"company":{"name":"A"}}}`, "mapping.deal_id", true},
		"no company": {nil, `{"data":{"deal":{"id":"1"}}}`, "mapping.tenant_id", true},
		"no name":    {nil, strings.Replace(won, " Acme Rockets ", "", 1), "mapping.display_name", false},
		"a list":     {&registryv1.Mapping{Plan: "event.data.deal"}, won, "mapping.plan", false},
		"no number":  {&registryv1.Mapping{Amount: "event.data.plan"}, won, "mapping.amount", false},
		"no time":    {&registryv1.Mapping{WonTime: "event.data.plan"}, won, "mapping.won_time", false},
		"no map":     {&registryv1.Mapping{Inputs: "event.data.plan"}, won, "mapping.inputs", false},
		"too much":   {&registryv1.Mapping{Region: `[1,2,3,4,5,6,7,8,9,10].map(a, [1,2,3,4,5,6,7,8,9,10].map(b, [1,2,3,4,5,6,7,8,9,10].map(c, [1,2,3,4,5,6,7,8,9,10].map(d, string(a*b*c*d))))).size() > 0 ? "x" : "y"`}, won, "mapping.region", false},
	} {
		_, problem := program(t, &registryv1.Source{Mapping: c.mapping}).Map(ctx, "sources/crm", event(t, c.body), received)
		if problem == nil || problem.Field != c.field || problem.Missing != c.missing {
			t.Errorf("%s: %+v, want field %s, missing %v", name, problem, c.field, c.missing)
		}
	}
	_, problem := program(t, &registryv1.Source{}).Won(ctx, event(t, `{"ping":true}`), received)
	if problem == nil || !problem.Missing {
		t.Errorf("a rule on an event without its key: %+v", problem)
	}
}

func TestExpressionsAreCheckedWhenSaved(t *testing.T) {
	_, err := mapping.Compile(&registryv1.Source{Won: `event.type = "x"`, Mapping: &registryv1.Mapping{
		TenantId: "slug(1)", Amount: "[1]", Plan: "nope", WonTime: "true", Inputs: `"x"`, Currency: strings.Repeat("1+", 2000) + "1",
	}})
	e, ok := errs.As(err)
	if !ok {
		t.Fatalf("%v", err)
	}
	fields := map[string]string{}
	for _, v := range e.Violations {
		fields[v.Field] = v.Description
	}
	for _, want := range []string{"source.won", "source.mapping.tenant_id", "source.mapping.amount", "source.mapping.plan", "source.mapping.won_time", "source.mapping.inputs", "source.mapping.currency"} {
		if fields[want] == "" {
			t.Errorf("no violation of %s in %v", want, fields)
		}
	}
	if len(fields) != 7 || !strings.Contains(fields["source.mapping.plan"], "1:1") {
		t.Errorf("violations %v", fields)
	}
}

func TestMalformedBodies(t *testing.T) {
	for _, bad := range []string{"", "null", "[]", `"x"`, "{", `{} {}`, `{}x`, "1"} {
		if _, err := mapping.Decode([]byte(bad)); errs.ReasonOf(err) != "BODY_MALFORMED" {
			t.Errorf("Decode(%q) = %v", bad, err)
		}
	}
}

func FuzzMapping(f *testing.F) {
	f.Add(won, `event.data.plan`)
	f.Add(`{"data":{"deal":{"id":1e400}}}`, `slug(event.data.company.name) + "x"`)
	f.Add(`{"data":[[{}]]}`, `event.data.map(x, x)`)
	f.Fuzz(func(t *testing.T, body, expression string) {
		e, err := mapping.Decode([]byte(body))
		if err != nil {
			return
		}
		p, err := mapping.Compile(&registryv1.Source{Mapping: &registryv1.Mapping{DealId: expression, Inputs: expression}})
		if err != nil {
			p = program(t, &registryv1.Source{})
		}
		if d, problem := p.Map(context.Background(), "sources/crm", e, received); problem == nil && (d.ID == "" || d.Tenant.GetDisplayName() == "") {
			t.Errorf("a deal without an id or a name out of %q", body)
		}
	})
}

// Values that hold each other many times are small in memory, and endless to
// compare and to convert.
func TestExpressionsEnd(t *testing.T) {
	bomb := "[0]" + strings.Repeat(".map(a, [a, a, a, a])", 20)
	large := event(t, `{"data":{"list":[1`+strings.Repeat(",1", 20_000)+`]}}`)
	for name, source := range map[string]*registryv1.Source{
		"won": {Won: "[" + bomb + "].all(v, v == v)"}, "inputs": {Mapping: &registryv1.Mapping{Inputs: `{"a": ` + bomb + "}"}},
		"event": {Mapping: &registryv1.Mapping{Inputs: `{"a": [event]` + strings.Repeat(".map(a, [a, a, a, a])", 20) + "}"}},
		"large": {Won: "event.data.list.all(x, event.data == event.data)"},
	} {
		began := time.Now()
		p := program(t, source)
		_, wonProblem := p.Won(t.Context(), large, received)
		_, problem := p.Map(t.Context(), "sources/crm", event(t, won), received)
		if wonProblem == nil && problem == nil {
			t.Errorf("%s: no problem", name)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}
