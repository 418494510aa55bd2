package secrets_test

import (
	"maps"
	"testing"

	"stampworks.dev/pkg/secretbox"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/secrets"
)

// vault has the secret "a" of acme, with the claim to change it, under a key file.
func vault(t *testing.T) (*secrets.Vault, store.Cond, string) {
	t.Helper()
	backend, err := etcd.New(t.Context(), etcd.Config{Endpoints: testkit.Etcd(t).Endpoints}, etcd.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = backend.Close() })
	prefix := testkit.Prefix(t)
	res, err := backend.Txn(t.Context(), nil, []store.Op{store.PutOp(prefix+"claim", nil)})
	if err != nil {
		t.Fatal(err)
	}
	guard, file := store.CreateRevisionIs(prefix+"claim", res.Revision), t.TempDir()+"/key"
	box, err := secretbox.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	v := &secrets.Vault{Box: box, Sealed: record.New(backend, prefix).Secrets}
	if _, err := v.Make(t.Context(), "acme", "u1", map[string]int{"a": 16}, guard); err != nil {
		t.Fatal(err)
	}
	return v, guard, file
}

func TestVersions(t *testing.T) {
	v, guard, _ := vault(t)
	read := func() map[string]secrets.Secret {
		t.Helper()
		all, err := v.Read(t.Context(), "acme", "u1")
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	first := read()
	if n := secrets.Next(first, "a"); n != 2 {
		t.Errorf("next version %d", n)
	}
	must(v.Renew(t.Context(), "acme", "u1", "a", 2, 24, guard))
	both := read()
	must(v.Renew(t.Context(), "acme", "u1", "a", 2, 24, guard)) // what was made stays
	if !maps.Equal(both, read()) || both["a"] != first["a"] || secrets.Next(both, "a") != 3 {
		t.Errorf("renewed: %v", read())
	}
	fresh, ok := secrets.Of(both, "a", 2)
	if !ok || len(fresh.Value) != 24 {
		t.Errorf("version 2 is %v", fresh)
	}
	if err := v.Use(t.Context(), "acme", "u1", "a", 3, guard); err == nil {
		t.Error("a version that was never made is used")
	}
	must(v.Use(t.Context(), "acme", "u1", "a", 2, guard))
	used := read()
	if old, ok := secrets.Of(used, "a", 1); used["a"] != fresh || !ok || old != first["a"] {
		t.Errorf("used: %v", used)
	}
	must(v.Retire(t.Context(), "acme", "u1", "a", guard))
	must(v.Retire(t.Context(), "acme", "u1", "a", guard))
	if all := read(); len(all) != 1 || all["a"] != fresh {
		t.Errorf("retired: %v", all)
	}
	if err := v.Renew(t.Context(), "acme", "u2", "a", 3, 24, guard); err == nil {
		t.Error("another tenant's secret was changed")
	}
}

func TestReseal(t *testing.T) {
	v, guard, file := vault(t)
	before, err := v.Read(t.Context(), "acme", "u1")
	if err != nil {
		t.Fatal(err)
	}
	old := v.Box
	if n, err := v.Reseal(t.Context(), "acme", guard); n != 0 || err != nil {
		t.Errorf("under the newest key already: %d, %v", n, err)
	}
	if err := secretbox.Rotate(file); err != nil {
		t.Fatal(err)
	}
	if v.Box, err = secretbox.Open(file); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} {
		if n, err := v.Reseal(t.Context(), "acme", guard); n != want || err != nil {
			t.Errorf("sealed again: %d, %v, want %d", n, err, want)
		}
	}
	if after, err := v.Read(t.Context(), "acme", "u1"); err != nil || !maps.EqualFunc(after, before, sameValue) {
		t.Errorf("values changed: %v", err)
	}
	v.Box = old
	if _, err := v.Read(t.Context(), "acme", "u1"); err == nil {
		t.Error("the old key still opens it")
	}
	if n, err := v.Reseal(t.Context(), "nobody", guard); n != 0 || err != nil {
		t.Errorf("of nobody: %d, %v", n, err)
	}
}

func sameValue(a, b secrets.Secret) bool { return a.Value == b.Value && a.Version == b.Version }
