package names

import "testing"

func TestNames(t *testing.T) {
	for _, tc := range []struct{ got, want string }{
		{Tenant("acme"), "tenants/acme"},
		{Tenant("tenants/acme"), "tenants/acme"},
		{Tenant(""), ""},
		{Operation("acme.1"), "operations/acme.1"},
		{Backup("acme/backup-3"), "tenants/acme/backups/backup-3"},
		{Backup("tenants/acme/backups/3"), "tenants/acme/backups/3"},
		{Backup(""), ""},
		{Wish("helpdesk"), "blueprints/helpdesk"},
		{Wish("helpdesk@1.0.0"), "blueprints/helpdesk/revisions/1.0.0"},
		{Wish("blueprints/helpdesk/revisions/1.0.0"), "blueprints/helpdesk/revisions/1.0.0"},
		{Wish(""), ""},
		{Short("tenants/acme"), "acme"},
		{Short("blueprints/helpdesk/revisions/1.0.0"), "helpdesk 1.0.0"},
		{Short("sources/demo/deliveries/0123456789abcdef"), "demo/0123456789ab"},
		{Short("sources/demo/deliveries/01"), "demo/01"},
		{Short("tenants/acme/backups/backup-3"), "acme/backup-3"},
		{Short(""), ""},
		{Backup("acme", "backup-3"), "tenants/acme/backups/backup-3"},
		{Backup("tenants/acme", "backup-3"), "tenants/acme/backups/backup-3"},
		{Backup("acme/backup-3"), "tenants/acme/backups/backup-3"},
		{Backup("tenants/acme/backups/backup-3"), "tenants/acme/backups/backup-3"},
		{Backup("acme"), ""},
		{Backup("tenants/acme"), ""},
		{Backup("acme", "a/b"), ""},
		{Backup("acme", ""), ""},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}
