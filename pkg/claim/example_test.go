package claim_test

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/store"
)

func ExampleManager() {
	var (
		ctx    context.Context
		client *clientv3.Client
		stamps *store.Collection[*wrapperspb.StringValue]
	)
	run := func() error {
		m, err := claim.New(claim.Config{
			Prefix:  "/stampworks/provisioner/",
			Replica: "host-1",
			Cells:   map[string]int{"local": 1},
			DataDir: "/var/lib/stampworks/provisioner",
		}, claim.Deps{Client: client})
		if err != nil {
			return err
		}
		m.HoldShards(func(ctx context.Context, s claim.Shard, c claim.Claim) error {
			// Every write carries the guard: refused once the claim has gone.
			_, err := stamps.Create(ctx, "acme", wrapperspb.String("placed in "+s.Cell), c.Guard())
			if err != nil {
				return err
			}
			<-ctx.Done() // the claim is lost, or the service stops
			return nil
		})
		return m.Run(ctx)
	}
	_ = run
}
