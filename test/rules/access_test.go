package rules

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "stampworks.dev/proto/gen/go/stampworks/health/v1"
	_ "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	_ "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// TestAccess: an RPC whose permission nobody wrote down is one that nobody
// thought about. The server refuses it; this test says so before.
func TestAccess(t *testing.T) {
	services := []string{"gateway", "tenant-registry", "provisioner", "health"}
	permission := regexp.MustCompile(`^[a-z]+\.[a-zA-Z]+$`)
	checked := 0
	eachMethod(func(method protoreflect.MethodDescriptor) {
		checked++
		access, _ := proto.GetExtension(method.Options(), typev1.E_Access).(*typev1.Access)
		name := method.FullName()
		switch {
		case access == nil:
			t.Errorf("%s: no access option", name)
			return
		case !permission.MatchString(access.GetPermission()):
			t.Errorf("%s: permission %q, want resource.verb", name, access.GetPermission())
		case len(access.GetCallers()) == 0:
			t.Errorf("%s: nobody may call it", name)
		}
		for _, caller := range access.GetCallers() {
			if !slices.Contains(services, caller) {
				t.Errorf("%s: caller %q is no service of ours: %v", name, caller, services)
			}
		}
	})
	if checked < 10 {
		t.Errorf("found %d RPCs, so the rule proves nothing", checked)
	}
}

// eachMethod visits every RPC of our services.
func eachMethod(visit func(protoreflect.MethodDescriptor)) {
	for file := range protoregistry.GlobalFiles.RangeFiles {
		if !strings.HasPrefix(string(file.Package()), "stampworks.") {
			continue
		}
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				visit(methods.Get(j))
			}
		}
	}
}
