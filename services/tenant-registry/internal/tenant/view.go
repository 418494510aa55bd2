package tenant

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

type record = store.Versioned[*registryv1.Tenant]

// The two parts of a tenant, the last element of their keys.
const (
	specPart   = "/spec"
	statusPart = "/status"
)

// View is a tenant as its two records tell. The status record is a Tenant as
// well, of which only these are set: uid, status, and generation, which is the
// first one that was DONE, 0 while there is none.
type View struct {
	spec   record
	status record // its Value is nil when nothing was reported
}

// Spec is the wish; read it, do not change it.
func (v View) Spec() *registryv1.Tenant { return v.spec.Value }

// Name of the tenant.
func (v View) Name() names.Tenant {
	return names.Tenant{ID: strings.TrimPrefix(v.Spec().GetName(), "tenants/")}
}

// Status is the last report, nil when there is none.
func (v View) Status() *registryv1.TenantStatus { return v.status.Value.GetStatus() }

// Etag changes with every write of the wish, and with nothing else.
func (v View) Etag() string { return strconv.FormatInt(v.spec.ModRevision, 36) }

// State is where the tenant is in its life.
func (v View) State() registryv1.Tenant_State {
	return State(v.Spec(), v.Status(), v.lived())
}

// lived says whether any generation was ever DONE.
func (v View) lived() bool { return v.status.Value.GetGeneration() > 0 }

// Done says whether the stamp is as the present generation wishes.
func (v View) Done() bool {
	return v.Status().GetObservedGeneration() == v.Spec().GetGeneration() && v.Status().GetPhase() == registryv1.TenantStatus_DONE
}

// Message is the whole tenant, the caller's own.
func (v View) Message() *registryv1.Tenant {
	whole, _ := proto.Clone(v.Spec()).(*registryv1.Tenant)
	whole.Etag = v.Etag()
	whole.State = v.State()
	whole.Reconciling = Reconciling(v.Spec(), v.Status())
	if status := v.Status(); status != nil {
		whole.Status, _ = proto.Clone(status).(*registryv1.TenantStatus)
	}
	return whole
}

// views joins records, which are in the order of their keys.
func (t *Tenants) views(items []record) []View {
	byID := make(map[string]int, len(items)/2+1)
	list := make([]View, 0, len(items)/2+1)
	for _, item := range items { // "…/spec" sorts before "…/status"
		id, part := splitPart(t.records.ID(item.Key))
		if at, there := byID[id]; there && part == statusPart {
			list[at].status = item
		} else if part == specPart {
			byID[id] = len(list)
			list = append(list, View{spec: item})
		}
	}
	return list
}

func splitPart(recordID string) (id, part string) {
	if at := strings.LastIndexByte(recordID, '/'); at >= 0 {
		return recordID[:at], recordID[at:]
	}
	return recordID, ""
}
