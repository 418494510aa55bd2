package secrets_test

import (
	"errors"
	"testing"

	"stampworks.dev/pkg/secretbox"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/secrets"
)

func TestVault(t *testing.T) {
	backend, err := etcd.New(t.Context(), etcd.Config{Endpoints: testkit.Etcd(t).Endpoints}, etcd.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = backend.Close() }()
	prefix := testkit.Prefix(t)
	res, err := backend.Txn(t.Context(), nil, []store.Op{store.PutOp(prefix+"claim", nil)})
	if err != nil {
		t.Fatal(err)
	}
	guard := store.CreateRevisionIs(prefix+"claim", res.Revision)
	sealed := record.New(backend, prefix).Secrets
	v := &secrets.Vault{Box: open(t), Sealed: sealed}

	if _, err := v.Make(t.Context(), "acme", "u1", map[string]int{"a": 16}, guard); err != nil {
		t.Fatal(err)
	}
	first, err := v.Read(t.Context(), "acme", "u1")
	if err != nil || len(first["a"].Value) != 16 || first["a"].Version != 1 {
		t.Fatalf("made %v, %v", first, err)
	}
	versions, err := v.Make(t.Context(), "acme", "u1", map[string]int{"a": 16, "b": 0}, guard)
	if err != nil || versions["a"] != 1 || versions["b"] != 1 {
		t.Fatalf("made again: %v, %v", versions, err)
	}
	second, err := v.Read(t.Context(), "acme", "u1")
	if err != nil || second["a"] != first["a"] || len(second["b"].Value) != 32 {
		t.Errorf("now %v, %v: want the same a, and a b of 32", second, err)
	}

	for name, other := range map[string]*secrets.Vault{
		"another tenant's uid": v,
		"another key":          {Box: open(t), Sealed: sealed},
	} {
		uid := "u1"
		if other == v {
			uid = "u2"
		}
		_, err := other.Read(t.Context(), "acme", uid)
		var f *failure.Error
		if !errors.As(err, &f) || f.Failure.GetCode() != typev1.Failure_SECRET_UNREADABLE {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := v.Make(t.Context(), "other", "u3", nil, store.CreateRevisionIs(prefix+"claim", 1)); !errors.Is(err, store.ErrGuard) {
		t.Errorf("without the claim: %v", err)
	}
}

func open(t *testing.T) *secretbox.Box {
	t.Helper()
	box, err := secretbox.Open(t.TempDir() + "/key")
	if err != nil {
		t.Fatal(err)
	}
	return box
}
