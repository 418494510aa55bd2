//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/test/e2e/harness"
)

// door is a gateway and a registry: what is wished is stored, and no stamp is
// made. Nothing writes but what is asked for.
type door struct {
	*harness.Plane
	crm *harness.CRM
}

func openDoor(t *testing.T) door {
	t.Helper()
	d := door{Plane: harness.New(t, harness.Options{})}
	d.Start("tenant-registry", "gateway")
	d.AwaitReady("tenant-registry")
	d.AwaitListening("gateway")
	d.API.Publish("helpdesk-lite", "1.0.0")
	d.crm = d.API.Source("crm", registryv1.Source_AUTO)
	return d
}

// on is the same door for a subtest.
func (d door) on(t *testing.T) door {
	plane := *d.Plane
	plane.T, plane.API = t, d.API.On(t)
	return door{Plane: &plane, crm: d.crm.On(t)}
}

// bad is an input that is refused.
type bad struct {
	why    string
	send   func(door) harness.Answer
	status int
	reason string
	field  string // of a violation, when there is one
}

// TestBadInput: each is a clear problem, and nothing is stored.
func TestBadInput(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.API.Create("first", harness.Wish("First", "helpdesk-lite"))
	d.API.Must(d.API.Call(http.MethodPost, "/v1/tenants?tenant_id=keyed", harness.Wish("Keyed", "helpdesk-lite"), nil, harness.Header{"Idempotency-Key", "key-1"}))
	groups := map[string][]bad{"hooks": badMessages(), "bodies": badBodies(), "tenants": badTenants(), "names": badNames(), "callers": badCallers()}
	for group, cases := range groups {
		t.Run(group, func(t *testing.T) {
			for _, c := range cases {
				t.Run(strings.ReplaceAll(c.why, " ", "-"), func(t *testing.T) { d.on(t).refuses(t, c) })
			}
		})
	}
}

// refuses sends one input and looks into etcd before and after.
func (d door) refuses(t *testing.T, c bad) {
	const kept = "/stampworks/"
	before := d.Etcd.Keys(kept)
	if len(before) < 5 {
		t.Fatalf("found %d keys, so that nothing would be proven", len(before))
	}
	answer := c.send(d)
	p := d.API.Problem(answer)
	t.Logf("evidence: %d %s: %s %v", answer.Status, p.Reason, p.Detail, p.Violations)
	if answer.Status != c.status || p.Reason != c.reason {
		t.Errorf("answered %d %s, want %d %s: %s", answer.Status, p.Reason, c.status, c.reason, answer.Body)
	}
	if p.Detail == "" || p.TraceID == "" || p.Domain != "stampworks.dev" {
		t.Errorf("the problem lacks its detail, trace or domain: %s", answer.Body)
	}
	if c.field != "" && (len(p.Violations) == 0 || p.Violations[0].Field != c.field || p.Violations[0].Description == "") {
		t.Errorf("want a violation of %s: %s", c.field, answer.Body)
	}
	if after := d.Etcd.Keys(kept); !maps.Equal(before, after) {
		t.Errorf("something was stored: %v", changed(before, after))
	}
}

func changed(before, after map[string]int64) []string {
	var keys []string
	for key, revision := range after {
		if before[key] != revision {
			keys = append(keys, key)
		}
	}
	return keys
}

func badMessages() []bad {
	now := time.Now
	deal := harness.Deal{Company: "Never Stored", Blueprint: "helpdesk-lite"}
	with := func(change func(*harness.Deal)) func(door) harness.Answer {
		return func(d door) harness.Answer {
			one := deal
			change(&one)
			return d.crm.Won(one)
		}
	}
	return []bad{
		{"signature of nobody", with(func(x *harness.Deal) { x.Signature = "v1,AAAA" }), 401, "SIGNATURE_INVALID", ""},
		{"signature of another body", func(d door) harness.Answer {
			return d.crm.Post("evt-x", now(), []byte(`{"type":"deal.won"}`), d.crm.Sign("evt-x", now(), []byte(`{}`)))
		}, 401, "SIGNATURE_INVALID", ""},
		{"signature of another version", with(func(x *harness.Deal) { x.Signature = "v9,AAAA" }), 401, "SIGNATURE_INVALID", ""},
		{"old timestamp", with(func(x *harness.Deal) { x.At = now().Add(-10 * time.Minute) }), 401, "TIMESTAMP_TOO_OLD", ""},
		{"timestamp of tomorrow", with(func(x *harness.Deal) { x.At = now().Add(24 * time.Hour) }), 401, "TIMESTAMP_IN_FUTURE", ""},
		{"unknown source", func(d door) harness.Answer { return d.crm.Named("stranger").Won(deal) }, 404, "SOURCE_NOT_FOUND", ""},
		{"source with a path in it", func(d door) harness.Answer { return d.crm.Named("..%2Fcrm").Won(deal) }, 404, "SOURCE_NOT_FOUND", ""},
		{"no signature", func(d door) harness.Answer { return d.API.Send(http.MethodPost, "/hooks/crm", deal.Body()) }, 401, "SIGNATURE_INVALID", ""},
		{"more than 64 KiB", func(d door) harness.Answer {
			return d.crm.Post("evt-big", now(), append(deal.Body(), bytes.Repeat([]byte(" "), 64<<10)...), "")
		}, 413, "BODY_TOO_LARGE", ""},
		{"malformed JSON", func(d door) harness.Answer { return d.crm.Post("evt-bad", now(), []byte(`{"type":`), "") }, 400, "BODY_MALFORMED", ""},
		{"a list, not an event", func(d door) harness.Answer { return d.crm.Post("evt-list", now(), []byte(`[1]`), "") }, 400, "BODY_MALFORMED", ""},
		{"nothing at all", func(d door) harness.Answer { return d.crm.Post("evt-none", now(), nil, "") }, 400, "BODY_MALFORMED", ""},
		{"another method", func(d door) harness.Answer { return d.API.Send(http.MethodGet, "/hooks/crm", nil) }, 405, "METHOD_NOT_ALLOWED", ""},
	}
}

func badBodies() []bad {
	post := func(body []byte) func(door) harness.Answer {
		return func(d door) harness.Answer { return d.API.Send(http.MethodPost, "/v1/tenants?tenant_id=never", body) }
	}
	padded := func(size int) []byte {
		return fmt.Appendf(nil, `{"display_name":%q}`, strings.Repeat("x", size))
	}
	return []bad{
		{"malformed JSON", post([]byte(`{"display_name":`)), 400, "BODY_MALFORMED", ""},
		{"two documents", post([]byte(`{} {}`)), 400, "BODY_MALFORMED", ""},
		{"an unknown field", post([]byte(`{"display_nam":"Acme"}`)), 400, "BODY_MALFORMED", ""},
		{"a number for a text", post([]byte(`{"display_name":7}`)), 400, "BODY_MALFORMED", ""},
		{"brackets without end", post(bytes.Repeat([]byte("["), 500_000)), 400, "BODY_MALFORMED", ""},
		{"deep inputs", post([]byte(`{"inputs":{"a":` + strings.Repeat(`[`, 20_000) + strings.Repeat(`]`, 20_000) + `}}`)), 400, "BODY_MALFORMED", ""},
		{"more than 1 MiB", post(padded(1<<20 + 1)), 413, "BODY_TOO_LARGE", ""},
		{"10 MB", post(padded(10 << 20)), 413, "BODY_TOO_LARGE", ""},
		{"a blueprint that is no blueprint", func(d door) harness.Answer {
			return d.API.Send(http.MethodPost, "/v1/blueprints/broken/revisions", []byte(`{"source":"blueprint: broken\nrevision: 1.0.0\ncomponents: 7\n"}`))
		}, 400, "RECIPE_INVALID", "revision.source"},
	}
}

func badCallers() []bad {
	as := func(d door, token string) *harness.API { return harness.NewAPI(d.T, d.API.Address, token) }
	return []bad{
		{"no token", func(d door) harness.Answer { return as(d, "").Send(http.MethodGet, "/v1/tenants", nil) }, 401, "TOKEN_MISSING", ""},
		{"an unknown token", func(d door) harness.Answer { return as(d, "guessed").Send(http.MethodGet, "/v1/tenants", nil) }, 401, "TOKEN_INVALID", ""},
		{"metadata of gRPC", func(d door) harness.Answer {
			return d.API.Send(http.MethodGet, "/v1/tenants", nil, harness.Header{"Grpc-Metadata-Principal", "services/provisioner"})
		}, 400, "HEADER_REFUSED", ""},
		{"another method", func(d door) harness.Answer { return d.API.Send(http.MethodPut, "/v1/tenants", nil) }, 405, "METHOD_NOT_ALLOWED", ""},
		{"a method that is overridden", func(d door) harness.Answer {
			return d.API.Send(http.MethodPost, "/v1/tenants/first", nil, harness.Header{"X-HTTP-Method-Override", "DELETE"})
		}, 405, "METHOD_NOT_ALLOWED", ""},
		{"an unknown path", func(d door) harness.Answer { return d.API.Send(http.MethodGet, "/v1/customers", nil) }, 404, "PATH_NOT_FOUND", ""},
		{"an RPC that is not offered", func(d door) harness.Answer {
			return d.API.Send(http.MethodPost, "/stampworks.registry.v1.ReportService/ReportStatus", []byte(`{}`))
		}, 404, "PATH_NOT_FOUND", ""},
	}
}
