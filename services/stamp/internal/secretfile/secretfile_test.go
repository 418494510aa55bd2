package secretfile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestASecretIsForOneGateway(t *testing.T) {
	root := t.TempDir()
	below := filepath.Join(root, "a")
	if err := os.Mkdir(below, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, w := range [][4]string{{root, "http://one/", "demo", "whsec_1"}, {root, "http://one", "crm", "whsec_2"}, {below, "http://one", "crm", "whsec_3"}} {
		if err := Write(w[0], w[1], w[2], w[3]); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct{ dir, address, source, want string }{
		{below, "http://one", "demo", "whsec_1"},
		{below, "http://one", "crm", "whsec_3"},
		{root, "http://one", "crm", "whsec_2"},
		{below, "http://two", "demo", ""},
		{below, "http://one", "other", ""},
	} {
		if all, err := Sources(tc.dir, tc.address); err != nil || all[tc.source] != tc.want {
			t.Errorf("%s at %s from %s: all[tc.source] %q, %v, want %q", tc.source, tc.address, tc.dir, all[tc.source], err, tc.want)
		}
	}
	if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
