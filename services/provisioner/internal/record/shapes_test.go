package record_test

import (
	"errors"
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

// open gives a store and a claim on it.
func open(t *testing.T) (*record.Store, store.Cond) {
	t.Helper()
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
	return records, store.CreateRevisionIs(claim, held.Revision)
}

// A replica that lost its claim writes nothing more, also when it has taken the
// claim again since: that is another one.
func TestLateWritesAreRefused(t *testing.T) {
	records, guard := open(t)
	book := records.NewBook("one", "acme", guard)
	if err := book.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, op := range []store.Op{store.DeleteOp(guard.Key), store.PutOp(guard.Key, nil)} {
		if _, err := records.Backend.Txn(t.Context(), nil, []store.Op{op}); err != nil {
			t.Fatal(err)
		}
	}
	ended := &typev1.OperationMetadata{Tenant: "tenants/acme", State: typev1.OperationMetadata_SUCCEEDED, EndTime: timestamppb.Now()}
	for what, write := range map[string]func() error{
		"a new stamp": func() error { return records.NewBook("one", "globex", guard).Save(t.Context()) },
		"a changed stamp": func() error {
			book.Stamp.Plan = "gold"
			return book.Save(t.Context())
		},
		"an operation": func() error {
			book.Attach(&pb.OperationRecord{Name: "operations/acme.1", Metadata: ended}, 0)
			return book.Save(t.Context())
		},
		"the end of a stamp": func() error { return book.Forget(t.Context()) },
	} {
		if err := write(); !errors.Is(err, store.ErrGuard) {
			t.Errorf("%s: %v, want the lost claim", what, err)
		}
	}
	if s, err := records.Stamps.Get(t.Context(), record.StampID("one", "acme")); err != nil || s.Value.GetPlan() != "" {
		t.Errorf("stamp %v, %v: it was written", s.Value, err)
	}
	for _, prefix := range []string{records.Operations.Prefix(), records.Shapes.Prefix()} {
		if page, err := records.Backend.List(t.Context(), store.ListQuery{Prefix: prefix}); err != nil || len(page.Items) > 0 {
			t.Errorf("%s has %v, %v", prefix, page.Items, err)
		}
	}
}

// Whoever sees that an operation has ended finds its shape, too.
func TestShapeIsWrittenWithTheEnd(t *testing.T) {
	records, guard := open(t)
	for i, state := range []typev1.OperationMetadata_State{
		typev1.OperationMetadata_RUNNING, typev1.OperationMetadata_SUPERSEDED, typev1.OperationMetadata_SUCCEEDED, typev1.OperationMetadata_FAILED,
	} {
		book := records.NewBook("one", string(rune('a'+i)), guard)
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

// Shapes are forgotten by their age, by who has the claim.
func TestForgetShapes(t *testing.T) {
	records, guard := open(t)
	now := time.Now()
	for id, age := range map[string]time.Duration{"1": 500 * 24 * time.Hour, "2": 401 * 24 * time.Hour, "3": 399 * 24 * time.Hour} {
		shape := &pb.ShapeRecord{EndTime: timestamppb.New(now.Add(-age))}
		if _, err := records.Shapes.Create(t.Context(), id, shape); err != nil {
			t.Fatal(err)
		}
	}
	lost := guard
	lost.Revision--
	if err := records.ForgetShapes(t.Context(), now, lost); !errors.Is(err, store.ErrGuard) {
		t.Errorf("without the claim: %v", err)
	}
	if err := records.ForgetShapes(t.Context(), now, guard); err != nil {
		t.Error(err)
	}
	left, _, err := records.Shapes.List(t.Context(), store.ListOptions{})
	if err != nil || len(left) != 1 || records.Shapes.ID(left[0].Key) != "3" {
		t.Errorf("left are %v, %v: want the young one", left, err)
	}
}
