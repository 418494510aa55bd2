package interceptor

import (
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/pkg/rpc/identity"
)

// rule says who may call a method.
type rule struct {
	permission string
	callers    []string
	public     bool // anybody who can connect
}

// foreign holds the rules of services whose protos are not ours and so carry
// no option: health checks and reflection are for anybody who can connect,
// operations are asked for through the gateway. google.longrunning has one
// method per AIP-151 verb.
var foreign = map[string]rule{
	"/grpc.health.v1.Health/Check":                                   {public: true},
	"/grpc.health.v1.Health/List":                                    {public: true},
	"/grpc.health.v1.Health/Watch":                                   {public: true},
	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      {public: true},
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": {public: true},
	"/google.longrunning.Operations/GetOperation":                    operations("get"),
	"/google.longrunning.Operations/ListOperations":                  operations("list"),
	"/google.longrunning.Operations/WaitOperation":                   operations("watch"),
	"/google.longrunning.Operations/CancelOperation":                 operations("cancel"),
	"/google.longrunning.Operations/DeleteOperation":                 operations("delete"),
}

func operations(verb string) rule {
	return rule{permission: "operations." + verb, callers: []string{identity.Gateway}}
}

// methods finds rules by full method name, and remembers them.
type methods struct {
	mu    sync.RWMutex
	known map[string]*rule // nil: looked for, not there
}

func newMethods() *methods { return &methods{known: map[string]*rule{}} }

func (m *methods) of(method string) (rule, bool) {
	m.mu.RLock()
	r, seen := m.known[method]
	m.mu.RUnlock()
	if !seen {
		r = lookup(method)
		m.mu.Lock()
		m.known[method] = r
		m.mu.Unlock()
	}
	if r == nil {
		return rule{}, false
	}
	return *r, true
}

func lookup(method string) *rule {
	if r, ok := foreign[method]; ok {
		return &r
	}
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", "."))
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		return nil
	}
	md, ok := d.(protoreflect.MethodDescriptor)
	if !ok || !proto.HasExtension(md.Options(), typev1.E_Access) {
		return nil
	}
	access, ok := proto.GetExtension(md.Options(), typev1.E_Access).(*typev1.Access)
	if !ok || access.GetPermission() == "" {
		return nil
	}
	return &rule{permission: access.GetPermission(), callers: access.GetCallers()}
}
