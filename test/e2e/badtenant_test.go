//go:build e2e

package e2e

import (
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/test/e2e/harness"
)

// order is a wish for a tenant, changed.
func order(id string, change func(*registryv1.Tenant), headers ...harness.Header) func(door) harness.Answer {
	return func(d door) harness.Answer {
		wish := harness.Wish("Never Stored", "helpdesk-lite")
		if change != nil {
			change(wish)
		}
		body, err := protojson.Marshal(wish)
		d.API.Must(err)
		return d.API.Send(http.MethodPost, "/v1/tenants?tenant_id="+url.QueryEscape(id), body, headers...)
	}
}

func badTenants() []bad {
	patch := func(body string, headers ...harness.Header) func(door) harness.Answer {
		return func(d door) harness.Answer {
			return d.API.Send(http.MethodPatch, "/v1/tenants/first?update_mask=display_name", []byte(body), headers...)
		}
	}
	input := func(name string, value *structpb.Value) func(door) harness.Answer {
		return order("never", func(w *registryv1.Tenant) { w.Inputs[name] = value })
	}
	return []bad{
		{"an id that is taken", order("first", nil), 409, "TENANT_EXISTS", ""},
		{"unknown blueprint", order("never", func(w *registryv1.Tenant) { w.Blueprint = "blueprints/nothing" }), 400, "BLUEPRINT_NOT_FOUND", "tenant.blueprint"},
		{"unknown revision", order("never", func(w *registryv1.Tenant) { w.Blueprint = "blueprints/helpdesk-lite/revisions/9.9.9" }), 400, "REVISION_NOT_FOUND", "tenant.blueprint"},
		{"no blueprint", order("never", func(w *registryv1.Tenant) { w.Blueprint = "" }), 400, "TENANT_INVALID", "tenant.blueprint"},
		{"unknown plan", order("never", func(w *registryv1.Tenant) { w.Plan = "gold" }), 400, "PLAN_NOT_FOUND", "tenant.plan"},
		{"missing required input", order("never", func(w *registryv1.Tenant) { w.Inputs = nil }), 400, "INPUTS_INVALID", "tenant.inputs.admin_email"},
		{"an input that is no address", input("admin_email", structpb.NewStringValue("nobody")), 400, "INPUTS_INVALID", "tenant.inputs.admin_email"},
		{"an input that is no number", input("seats", structpb.NewStringValue("many")), 400, "INPUTS_INVALID", "tenant.inputs.seats"},
		{"an input out of range", input("seats", structpb.NewNumberValue(0)), 400, "INPUTS_INVALID", "tenant.inputs.seats"},
		{"an unknown input", input("colour", structpb.NewStringValue("red")), 400, "INPUTS_INVALID", "tenant.inputs.colour"},
		{"an address with a header in it", input("admin_email", structpb.NewStringValue("a@b.example\r\nBcc: all@b.example")), 400, "INPUTS_INVALID", "tenant.inputs.admin_email"},
		{"a name with control characters", order("never", func(w *registryv1.Tenant) { w.DisplayName = "Acme\x1b[2J" }), 400, "TENANT_INVALID", "tenant.display_name"},
		{"a name without end", order("never", func(w *registryv1.Tenant) { w.DisplayName = strings.Repeat("x", 201) }), 400, "INVALID_REQUEST", "tenant.display_name"},
		{"wrong etag in If-Match", patch(`{"display_name":"Other"}`, harness.Header{"If-Match", `"never"`}), 412, "ETAG_MISMATCH", ""},
		{"wrong etag in the body", patch(`{"display_name":"Other","etag":"never"}`), 409, "ETAG_MISMATCH", ""},
		{"a key with another payload", order("keyed", nil, harness.Header{"Idempotency-Key", "key-1"}), 409, "IDEMPOTENCY_KEY_REUSED", ""},
		{"a mask of what is not there", func(d door) harness.Answer {
			return d.API.Send(http.MethodPatch, "/v1/tenants/first?update_mask=colour", []byte(`{"display_name":"Other"}`))
		}, 400, "MASK_INVALID", "update_mask"},
	}
}

func badNames() []bad {
	var all []bad
	for why, id := range map[string]string{
		"in upper case": "Acme", "beginning with a digit": "7acme", "ending with a dash": "acme-", "with a dot": "acme.com", "the wildcard": "-",
		"a path upwards": "../../etc/passwd", "in Cyrillic": "асме", "with a space": "ac me", "with a zero byte": "ac\x00me",
		"too long": strings.Repeat("a", 41), "endless": strings.Repeat("a", 20_000), "a template": "${secrets.queue_token}", "a shell": "a;reboot",
	} {
		all = append(all, bad{"an id " + why, order(id, nil), 400, "INVALID_REQUEST", "tenant_id"})
	}
	for why, path := range map[string]string{
		"in upper case": "/v1/tenants/ACME", "with a zero byte": "/v1/tenants/a%00b",
		"in Cyrillic": "/v1/tenants/%D0%B0", "endless": "/v1/tenants/" + strings.Repeat("a", 20_000),
	} {
		all = append(all, bad{"a name " + why, func(d door) harness.Answer { return d.API.Send(http.MethodGet, path, nil) }, 400, "NAME_INVALID", "name"})
	}
	for query, reason := range map[string]string{
		"filter=state%3D": "FILTER_INVALID", "order_by=colour": "ORDER_INVALID", "page_token=AAAA": "PAGE_TOKEN_INVALID",
	} {
		all = append(all, bad{"a list by " + query, func(d door) harness.Answer { return d.API.Send(http.MethodGet, "/v1/tenants?"+query, nil) }, 400, reason, strings.Split(query, "=")[0]})
	}
	all = append(all, bad{"a name upwards", func(d door) harness.Answer {
		return d.API.Send(http.MethodGet, "/v1/tenants/..%2f..%2fetc%2fpasswd", nil)
	}, 404, "PATH_NOT_FOUND", ""})
	return append(all, bad{"nobody", func(d door) harness.Answer { return d.API.Send(http.MethodGet, "/v1/tenants/nobody", nil) }, 404, "TENANT_NOT_FOUND", ""})
}
