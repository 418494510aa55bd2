package record

import (
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// DefaultPrefix is where the provisioner keeps everything; nobody else writes
// there.
const DefaultPrefix = "/stampworks/provisioner/"

// Store is all that the provisioner keeps.
type Store struct {
	Backend    store.Backend
	Stamps     *store.Collection[*pb.Stamp]
	Trials     *store.Collection[*pb.Stamp] // throw-away stamps; nobody is told of them
	Operations *store.Collection[*pb.OperationRecord]
	Placements *store.Collection[*pb.Placement]
	Secrets    *store.Collection[*pb.SealedSecrets]
	Cells      *store.Collection[*pb.CellReport]
	Shapes     *store.Collection[*pb.ShapeRecord]
	Verdicts   *store.Collection[*pb.EvaluateReadinessResponse]
	Backups    *store.Collection[*pb.Backup]
}

// New gives the store under a prefix that ends with "/".
func New(b store.Backend, prefix string) *Store {
	return &Store{
		Backend:    b,
		Stamps:     store.NewCollection(b, prefix+"stamps/", func() *pb.Stamp { return &pb.Stamp{} }),
		Trials:     store.NewCollection(b, prefix+"trials/", func() *pb.Stamp { return &pb.Stamp{} }),
		Operations: store.NewCollection(b, prefix+"operations/", func() *pb.OperationRecord { return &pb.OperationRecord{} }),
		Placements: store.NewCollection(b, prefix+"placements/", func() *pb.Placement { return &pb.Placement{} }),
		Secrets:    store.NewCollection(b, prefix+"secrets/", func() *pb.SealedSecrets { return &pb.SealedSecrets{} }),
		Cells:      store.NewCollection(b, prefix+"cells/", func() *pb.CellReport { return &pb.CellReport{} }),
		Shapes:     store.NewCollection(b, prefix+"shapes/", func() *pb.ShapeRecord { return &pb.ShapeRecord{} }),
		Backups:    store.NewCollection(b, prefix+"backups/", func() *pb.Backup { return &pb.Backup{} }),
		Verdicts:   store.NewCollection(b, prefix+"verdicts/", func() *pb.EvaluateReadinessResponse { return &pb.EvaluateReadinessResponse{} }),
	}
}
