package etcd_test

import (
	"testing"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/store/storetest"
	"stampworks.dev/pkg/testkit"
)

func TestConformance(t *testing.T) {
	server := testkit.OwnEtcd(t)
	storetest.Run(t, storetest.Target{
		New: func(t *testing.T) store.Backend {
			b, err := etcd.New(t.Context(), etcd.Config{Endpoints: server.Endpoints}, etcd.Deps{Log: testkit.Logger(t)})
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
		Compact: func(t *testing.T) { server.Compact(t) },
	})
}
