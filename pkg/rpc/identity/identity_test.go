package identity_test

import (
	"crypto/x509"
	"net/url"
	"testing"

	"stampworks.dev/pkg/rpc/identity"
)

func TestRoles(t *testing.T) {
	for _, c := range []struct {
		permission                     string
		viewer, sales, operator, admin bool
	}{
		{"tenants.get", true, true, true, true},
		{"operations.list", true, true, true, true},
		{"stamps.watch", true, true, true, true},
		{"readiness.evaluate", false, true, true, true},
		{"tenants.create", false, false, true, true},
		{"tenants.purge", false, false, true, true},
		{"tokens.list", false, false, false, true},
		{"tokens.create", false, false, false, true},
		{"tasks.run", true, true, true, true}, // the task has a role of its own
		{"tenants", false, false, false, false},
		{"", false, false, false, false},
		{".get", false, false, false, false},
	} {
		for role, want := range map[string]bool{identity.Viewer: c.viewer, identity.Sales: c.sales, identity.Operator: c.operator, identity.Admin: c.admin, "root": false, "": false} {
			if got := identity.Allowed(role, c.permission); got != want {
				t.Errorf("Allowed(%q, %q) = %v, want %v", role, c.permission, got, want)
			}
		}
	}
	if identity.KnownRole(identity.Service) || !identity.KnownRole(identity.Sales) {
		t.Error("outside callers may have the role sales, never service")
	}
}

func TestAtLeast(t *testing.T) {
	for _, c := range []struct {
		role, other string
		want        bool
	}{
		{identity.Viewer, identity.Viewer, true},
		{identity.Viewer, identity.Sales, false},
		{identity.Sales, identity.Operator, false},
		{identity.Operator, identity.Sales, true},
		{identity.Operator, identity.Admin, false},
		{identity.Admin, identity.Admin, true},
		{identity.Service, identity.Admin, true},
		{"root", identity.Viewer, false},
		{"", identity.Viewer, false},
		{identity.Admin, "root", false},
		{identity.Service, "", false},
	} {
		if got := identity.AtLeast(c.role, c.other); got != c.want {
			t.Errorf("AtLeast(%q, %q) = %v", c.role, c.other, got)
		}
	}
}

func TestFromCertificate(t *testing.T) {
	parse := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for _, c := range []struct {
		uris []string
		want string
	}{
		{[]string{"stampworks://service/gateway"}, "gateway"},
		{[]string{"spiffe://example/other", "stampworks://service/tenant-registry"}, "tenant-registry"},
		{nil, ""},
		{[]string{"stampworks://service/gateway", "stampworks://service/health"}, ""},
		{[]string{"stampworks://service/"}, ""},
		{[]string{"stampworks://service/a/b"}, ""},
		{[]string{"stampworks://tenant/gateway"}, ""},
		{[]string{"https://service/gateway"}, ""},
	} {
		cert := &x509.Certificate{}
		for _, u := range c.uris {
			cert.URIs = append(cert.URIs, parse(u))
		}
		got, err := identity.FromCertificate(cert)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%v: got %q, %v; want %q", c.uris, got, err, c.want)
		}
	}
	if _, err := identity.URI("Gate Way"); err == nil {
		t.Error("a name with a space was accepted")
	}
}
