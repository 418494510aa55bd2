package blueprint

import "stampworks.dev/pkg/errs"

// What a stamp takes from its cell; the names of a footprint.
const (
	CPUMillis   = "cpu_millis"
	MemoryBytes = "memory_bytes"
	DiskBytes   = "disk_bytes"
	Stamps      = "stamps"
	Ports       = "ports"
	Addresses   = "addresses"
	Users       = "users"
)

// Footprint is what placement reserves for a stamp of a plan: the requests of
// every replica of every component, and one each of what every stamp has. An
// unknown plan is InvalidArgument.
func (r *Recipe) Footprint(planName string) (map[string]int64, error) {
	p := r.plans[planName]
	if p == nil {
		return nil, r.noPlan(planName)
	}
	out := map[string]int64{CPUMillis: 0, MemoryBytes: 0, DiskBytes: 0, Stamps: 1, Addresses: 1, Users: 1}
	if r.msg.GetEndpoint() != "" {
		out[Ports] = 1
	}
	for _, res := range p.resources {
		n := int64(res.replicas)
		out[CPUMillis] += n * res.cpu.request
		out[MemoryBytes] += n * res.memory.request
		for _, size := range res.volumes {
			out[DiskBytes] += n * size
		}
	}
	return out, nil
}

func (r *Recipe) noPlan(name string) error {
	return errs.New(errs.InvalidArgument, "PLAN_UNKNOWN", "blueprint %s@%s has no plan %q", r.Name(), r.Revision(), name).With("plan", name)
}
