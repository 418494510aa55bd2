package names_test

import (
	"strings"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/tenant-registry/internal/names"
)

func TestIDs(t *testing.T) {
	for id, good := range map[string]bool{
		"a": true, "acme": true, "acme-2": true, "a1": true, strings.Repeat("a", 40): true,
		"": false, "-": false, "1a": false, "acme-": false, "Acme": false, "a_b": false, "a.b": false, "a/b": false,
		strings.Repeat("a", 41): false, "acme\n": false,
	} {
		err := names.CheckID("tenant_id", id)
		if (err == nil) != good {
			t.Errorf("CheckID(%q) = %v, want good %v", id, err, good)
		}
		if e, ok := errs.As(err); ok && e.Violations[0].Field != "tenant_id" {
			t.Errorf("CheckID(%q) blames %q", id, e.Violations[0].Field)
		}
	}
}

func TestNamesRoundTrip(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	for _, name := range []string{"sources/crm/deliveries/" + hash, "blueprints/helpdesk/revisions/1.0.0-rc.1+b"} {
		var got string
		if d, err := names.ParseDelivery("name", name); err == nil {
			got = d.String()
		} else if r, err := names.ParseRevision("name", name); err == nil {
			got = r.String()
		}
		if got != name {
			t.Errorf("%q came back as %q", name, got)
		}
	}
	for _, bad := range []string{"tenants", "tenants/", "tenants/a/b", "cells/a", "tenants/-", "/tenants/a"} {
		if _, err := names.ParseTenant("name", bad); !errs.Is(err, errs.InvalidArgument) {
			t.Errorf("ParseTenant(%q) = %v", bad, err)
		}
	}
	if n, err := names.ParseReceipt("name", "tenants/acme/receipt"); err != nil || n.ID != "acme" {
		t.Errorf("receipt: %v, %v", n, err)
	}
	if got := (names.Tenant{ID: "acme"}).Operation(7); got != "operations/acme.7" {
		t.Error(got)
	}
}

func TestWish(t *testing.T) {
	for wish, want := range map[string]names.Revision{
		"helpdesk":                             {Blueprint: "helpdesk"},
		"blueprints/helpdesk":                  {Blueprint: "helpdesk"},
		"blueprints/helpdesk/revisions/1.10.0": {Blueprint: "helpdesk", ID: "1.10.0"},
	} {
		if got, err := names.ParseWish("tenant.blueprint", wish); err != nil || got != want {
			t.Errorf("ParseWish(%q) = %v, %v", wish, got, err)
		}
	}
	for _, bad := range []string{"", "blueprints/", "blueprints/a/revisions/", "blueprints/a/b/c", "Helpdesk"} {
		if _, err := names.ParseWish("tenant.blueprint", bad); err == nil {
			t.Errorf("ParseWish(%q) was accepted", bad)
		}
	}
}

func TestSlug(t *testing.T) {
	for text, want := range map[string]string{
		"Acme Rockets": "acme-rockets", "Müller & Söhne GmbH": "muller-sohne-gmbh", "  --  ": "", "3M": "t-3m", "東京": "",
		"O'Neil": "oneil", "Straße": "strasse", strings.Repeat("x", 60): strings.Repeat("x", 40), "Ünï": "uni",
	} {
		if got := names.Slug(text); got != want {
			t.Errorf("Slug(%q) = %q, want %q", text, got, want)
		}
	}
	long := strings.Repeat("y", 40)
	if got := names.Numbered(long, 12); len(got) != 40 || !strings.HasSuffix(got, "y-12") {
		t.Errorf("Numbered cut to %q", got)
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"tenants/acme", "blueprints/a/revisions/1", "sources/-/deliveries/x", "Ünï ß", "a-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := names.ParseTenant("name", s); err == nil && n.String() != s {
			t.Errorf("tenant %q came back as %q", s, n)
		}
		if n, err := names.ParseRevision("name", s); err == nil && n.String() != s {
			t.Errorf("revision %q came back as %q", s, n)
		}
		if n, err := names.ParseDelivery("name", s); err == nil && n.String() != s {
			t.Errorf("delivery %q came back as %q", s, n)
		}
		if slug := names.Slug(s); slug != "" {
			for n := range 3 {
				if err := names.CheckID("id", names.Numbered(slug, 98+n)); err != nil {
					t.Errorf("slug of %q: %v", s, err)
				}
			}
		}
	})
}
