package record_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/record"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// Whoever sees that an operation has ended finds its shape, too.
func TestShapeIsWrittenWithTheEnd(t *testing.T) {
	backend, err := etcd.New(t.Context(), etcd.Config{Endpoints: testkit.Etcd(t).Endpoints}, etcd.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = backend.Close() })
	records := record.New(backend, testkit.Prefix(t))
	claim := records.Stamps.Prefix() + "claim"
	held, err := backend.Txn(t.Context(), nil, []store.Op{store.PutOp(claim, nil)})
	if err != nil {
		t.Fatal(err)
	}
	for i, state := range []typev1.OperationMetadata_State{
		typev1.OperationMetadata_RUNNING, typev1.OperationMetadata_SUPERSEDED, typev1.OperationMetadata_SUCCEEDED, typev1.OperationMetadata_FAILED,
	} {
		book := records.NewBook("one", string(rune('a'+i)), store.CreateRevisionIs(claim, held.Revision))
		op := &typev1.OperationMetadata{Tenant: record.TenantName(string(rune('a' + i))), State: state, EndTime: timestamppb.New(time.Unix(int64(i), 0))}
		book.Attach(&pb.OperationRecord{Name: "operations/" + string(rune('a'+i)) + ".1", Metadata: op}, 0)
		if err := book.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	shapes, _, err := records.Shapes.List(t.Context(), store.ListOptions{})
	if err != nil || len(shapes) != 2 || shapes[0].Value.GetOutcome() != typev1.OperationMetadata_SUCCEEDED || shapes[1].Value.GetOutcome() != typev1.OperationMetadata_FAILED {
		t.Errorf("shapes %v, %v: want those of the two that ended by themselves", shapes, err)
	}
}
