package rules

import (
	"slices"
	"strings"
	"testing"
)

// layer says what the packages of one module may import of ours.
type layer struct {
	module string
	may    []string
}

// layers are the arrows test → services/stamp → services/* → pkg, proto.
var layers = []layer{
	{"proto", nil},
	{"pkg", []string{"proto"}},
	{"services/tenant-registry", []string{"pkg", "proto"}},
	{"services/provisioner", []string{"pkg", "proto"}},
	{"services/health", []string{"pkg", "proto"}},
	{"services/gateway", []string{"pkg", "proto"}},
	{"services/stamp", []string{"pkg", "proto", "services"}},
	{"deploy/products/helpdesk", nil},
	{"test", []string{"pkg", "proto", "services", "deploy"}},
}

// under tells whether an import path is that of a folder or of one below it.
func under(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

// anyUnder is under for several folders.
func anyUnder(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return under(path, folder) })
}

// TestLayers: services that import each other can no longer be deployed,
// scaled or understood one at a time; they talk over gRPC.
func TestLayers(t *testing.T) {
	for _, p := range allPackages(t) {
		i := slices.IndexFunc(layers, func(l layer) bool { return under(p.short(), l.module) })
		if i < 0 {
			t.Errorf("%s: in no layer; name its module here", p.short())
			continue
		}
		for _, imported := range p.imports() {
			path, our := strings.CutPrefix(imported, ours)
			if our && !under(path, layers[i].module) && !anyUnder(path, layers[i].may...) {
				t.Errorf("%s imports %s: %s may import %v", p.short(), path, layers[i].module, layers[i].may)
			}
		}
	}
}

// TestEtcdBehindTheStore: everybody else sees the store and the claims, so the
// etcd client's errors, options and versions stay in few hands, and a service
// starts without linking an etcd server.
func TestEtcdBehindTheStore(t *testing.T) {
	for _, p := range allPackages(t) {
		if anyUnder(p.short(), "pkg/store/etcd", "pkg/claim", "pkg/testkit", "services/stamp/internal/dev") {
			continue
		}
		for _, imported := range p.imports() {
			if under(imported, "go.etcd.io") {
				t.Errorf("%s imports %s: use pkg/store, pkg/claim or pkg/testkit", p.short(), imported)
			}
		}
	}
}

// TestLibrariesKnowNoTenant: what knows a tenant belongs to the service that
// owns tenants; the shared types (failures, blueprints) are all that pkg knows.
func TestLibrariesKnowNoTenant(t *testing.T) {
	for _, p := range allPackages(t) {
		for _, imported := range p.imports() {
			if under(p.short(), "pkg") && under(imported, ours+"proto/gen/go/stampworks") && !under(imported, ours+"proto/gen/go/stampworks/type") {
				t.Errorf("%s imports %s", p.short(), imported)
			}
		}
	}
}

// TestTransportAtTheEdge: a domain package that knows gRPC starts to think in
// statuses and metadata. Handlers and clients translate; the domain does not.
// The gateway is an edge as a whole, and health's probes speak gRPC to stamps.
func TestTransportAtTheEdge(t *testing.T) {
	edges := []string{"gateway", "server", "client", "clients", "probe", "dev", "demo", "peers", "registrytest"}
	for _, p := range allPackages(t) {
		inner := strings.Contains(p.short(), "/internal/") || anyUnder(p.short(), "services/provisioner/driver")
		pure := anyUnder(p.short(), "pkg/errs", "pkg/blueprint", "pkg/config", "pkg/lifecycle", "pkg/secretbox", "deploy")
		if !pure && (!inner || !strings.HasPrefix(p.short(), "services/")) {
			continue
		}
		if slices.ContainsFunc(strings.Split(p.short(), "/"), func(part string) bool { return slices.Contains(edges, part) }) {
			continue
		}
		for _, imported := range p.Imports {
			if under(imported, "google.golang.org/grpc") {
				t.Errorf("%s imports %s: errors are kinds (pkg/errs) below the handlers", p.short(), imported)
			}
		}
	}
}

// TestSmallPrograms: `stamp version` answers in 50 ms and the gateway stays
// small, so what is heavy stays out of both: etcd's server, Kubernetes, Helm.
func TestSmallPrograms(t *testing.T) {
	heavy := []string{"go.etcd.io/etcd/server", "k8s.io/client-go", "helm.sh/helm"}
	for _, p := range allPackages(t) {
		light := under(p.short(), "services/gateway") ||
			under(p.short(), "services/stamp/internal") && !under(p.short(), "services/stamp/internal/dev")
		if !light {
			continue
		}
		for _, dep := range p.Deps {
			if anyUnder(dep, heavy...) || strings.HasPrefix(dep, "helm.sh/helm/") {
				t.Errorf("%s links %s", p.short(), dep)
				break
			}
		}
	}
}

// TestSupervisorIsBare: one supervisor runs beside every stamp for months. What
// it does not link cannot break it, leak or need an update.
func TestSupervisorIsBare(t *testing.T) {
	const supervisor = "services/provisioner/cmd/stamp-supervisor"
	seen := false
	for _, p := range allPackages(t) {
		if p.short() != supervisor {
			continue
		}
		seen = true
		for _, dep := range p.Deps {
			first, _, _ := strings.Cut(dep, "/")
			if strings.Contains(first, ".") && !anyUnder(dep, ours+supervisor, ours+"services/provisioner/driver") {
				t.Errorf("%s links %s: the standard library and the driver only", supervisor, dep)
			}
		}
	}
	if !seen {
		t.Errorf("%s is not there", supervisor)
	}
}
