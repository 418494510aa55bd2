package timeline

import (
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// ToldOp writes an entry that another service tells of, on whose behalf the entry
// says. The same entry of the same operation again writes no second one.
func (t *Timeline) ToldOp(tenant names.Tenant, operation string, entry *registryv1.TimelineEntry) store.Op {
	e := proto.CloneOf(entry)
	id := toldID(e.GetCreateTime().AsTime(), operation+" "+e.GetAction())
	e.Name = tenant.Entry(id)
	return t.entries.PutOp(tenant.ID+"/"+id, e)
}

// toldID is a UUID of version 7, so that it sorts by time among the others, whose
// random part is made from what is told.
func toldID(at time.Time, what string) string {
	ms := at.UnixMilli()
	var id uuid.UUID
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	sum := sha256.Sum256([]byte(what))
	copy(id[6:], sum[:])
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id.String()
}
