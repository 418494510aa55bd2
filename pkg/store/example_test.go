package store_test

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
)

func Example() {
	ctx := context.Background()
	backend, err := etcd.New(ctx, etcd.Config{Endpoints: []string{"127.0.0.1:2379"}}, etcd.Deps{})
	if err != nil {
		return
	}
	defer func() { _ = backend.Close() }()
	seats := store.NewCollection(backend, "/stampworks/example/seats/",
		func() *wrapperspb.Int64Value { return &wrapperspb.Int64Value{} })

	if _, err := seats.Create(ctx, "acme", wrapperspb.Int64(5)); err != nil {
		return
	}
	now, err := seats.Update(ctx, "acme", func(n *wrapperspb.Int64Value) error {
		n.Value++
		return nil
	})
	if err != nil {
		return
	}
	fmt.Println(now.Value.GetValue(), "seats at revision", now.ModRevision)
}
