package dev

import (
	"path/filepath"
	"strings"
	"testing"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
)

func TestEmbeddedEtcdKeepsDataOverRestarts(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), strings.Repeat("long-", 30))} {
		for round := range 2 {
			e, err := startEtcd(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			backend, err := etcd.New(t.Context(), etcd.Config{Endpoints: []string{e.endpoint}}, etcd.Deps{Log: testkit.Logger(t)})
			if err != nil {
				t.Fatal(err)
			}
			if round == 0 {
				if _, err := backend.Txn(t.Context(), nil, []store.Op{store.PutOp("/a", []byte("1"))}); err != nil {
					t.Fatal(err)
				}
			}
			if kv, err := backend.Get(t.Context(), "/a"); err != nil || string(kv.Value) != "1" {
				t.Errorf("round %d: got %q, %v", round, kv.Value, err)
			}
			_ = backend.Close()
			e.stop()
		}
	}
}
