package provisioner_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
)

// shardsOf is a kind of cell that many replicas reach, all the same one.
func shardsOf(cell *memory.Driver) map[string]provisioner.Kind {
	return map[string]provisioner.Kind{"memory": {
		Open: func(context.Context, provisioner.Config, *slog.Logger) (driver.Driver, error) {
			return cell.Reopen(), nil
		},
		Shards: 16,
	}}
}

// list gives what is in etcd below a part of the service's prefix.
func (p *plant) list(below string) []store.KV {
	p.t.Helper()
	b, err := etcd.New(p.t.Context(), etcd.Config{Endpoints: testkit.Etcd(p.t).Endpoints}, etcd.Deps{})
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	page, err := b.List(p.t.Context(), store.ListQuery{Prefix: p.prefix + below})
	if err != nil {
		p.t.Fatal(err)
	}
	return page.Items
}

// claims are the holders of a cell's shards, and their tokens.
func (p *plant) claims(cell string) (holders map[string]int, tokens map[string]int64) {
	p.t.Helper()
	holders, tokens = map[string]int{}, map[string]int64{}
	for _, kv := range p.list("claims/" + cell + "/") {
		holders[string(kv.Value)]++
		tokens[kv.Key] = kv.CreateRevision
	}
	return holders, tokens
}

// awaitMembers waits until that many replicas are there.
func (p *plant) awaitMembers(n int) {
	p.t.Helper()
	testkit.Eventually(p.t, soon, func() error {
		if got := len(p.list("members/")); got != n {
			return fmt.Errorf("%d members, want %d", got, n)
		}
		return nil
	})
}

// done waits until the newest wish of each tenant is fulfilled.
func (p *plant) done(conn *grpc.ClientConn, generation, tenants int) {
	p.t.Helper()
	for i := range tenants {
		op, err := longrunningpb.NewOperationsClient(conn).WaitOperation(p.ctx(), &longrunningpb.WaitOperationRequest{
			Name: fmt.Sprintf("operations/t%d.%d", i, generation), Timeout: durationpb.New(soon),
		})
		if err != nil || op.GetResponse() == nil {
			p.t.Fatalf("tenant %d: %v, %v", i, op, err)
		}
	}
}

// A cell of 16 shards is shared by the replicas that reach it: what is held
// stays where it is while members come, what is free is divided at once.
func TestShardsSpreadOverReplicas(t *testing.T) {
	p, cell := newPlant(t), memory.New(memory.Config{})
	const tenants = 24
	for i := range tenants {
		p.create(fmt.Sprintf("t%d", i))
	}
	first, stop := p.launch("first", provisioner.Deps{Kinds: shardsOf(cell)}, "one")
	p.done(first, 1, tenants)
	_, before := p.claims("one")
	second, _ := p.launch("second", provisioner.Deps{Kinds: shardsOf(cell)}, "one")
	p.launch("third", provisioner.Deps{Kinds: shardsOf(cell)}, "one")
	p.awaitMembers(3)
	if holders, now := p.claims("one"); holders["first"] != 16 || !maps.Equal(before, now) {
		t.Errorf("claims moved as soon as members came: %v", holders)
	}
	stop()
	testkit.Eventually(t, soon, func() error {
		if holders, _ := p.claims("one"); holders["second"]+holders["third"] != 16 || holders["second"] == 0 || holders["third"] == 0 {
			return fmt.Errorf("held by %v, want all 16, some by each", holders)
		}
		return nil
	})
	for i := range tenants {
		p.registry.Wish(fmt.Sprintf("t%d", i), func(t *registryv1.Tenant) { t.Suspended = true })
	}
	p.done(second, 2, tenants)
	if calls := cell.Calls(); calls["Stop"] < tenants {
		t.Errorf("%d components were stopped, want %d", calls["Stop"], tenants)
	}
}

// What only the owner of a shard does is passed on to it, whichever replica was
// asked.
func TestDeletingGoesToTheOwnerOfTheShard(t *testing.T) {
	disk := &memory.Disk{}
	p, cell := newPlant(t), memory.New(memory.Config{Disk: disk, Job: disk.Job})
	p.revision = p.registry.Publish(t, vault)
	const tenants = 6
	one, _ := p.launch("first", provisioner.Deps{Kinds: shardsOf(cell)}, "one")
	two, _ := p.launch("second", provisioner.Deps{Kinds: shardsOf(cell)}, "one")
	for i := range tenants {
		p.create(fmt.Sprintf("t%d", i))
	}
	p.done(one, 1, tenants)
	for i := range tenants {
		asked, other := one, two
		if i%2 == 0 {
			asked, other = two, one
		}
		tenant := fmt.Sprintf("tenants/t%d", i)
		disk.Put(fmt.Sprintf("/memory/t%d/components/db/volumes/data/tickets", i), "one")
		op, err := pb.NewBackupServiceClient(asked).CreateBackup(p.ctx(), &pb.CreateBackupRequest{Parent: tenant})
		if err == nil {
			op, err = longrunningpb.NewOperationsClient(asked).WaitOperation(p.ctx(), &longrunningpb.WaitOperationRequest{Name: op.GetName(), Timeout: durationpb.New(soon)})
		}
		if err != nil || op.GetResponse() == nil {
			t.Fatalf("%s: %v, %v", tenant, op, err)
		}
		if _, err := pb.NewBackupServiceClient(other).DeleteBackup(p.ctx(), &pb.DeleteBackupRequest{Name: tenant + "/backups/backup-1"}); err != nil {
			t.Errorf("%s: %v", tenant, err)
		}
	}
	if left := cell.Backups(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
