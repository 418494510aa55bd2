package engine

import (
	"testing"

	"google.golang.org/protobuf/proto"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// What a stamp goes back to has the overrides that it had, not those of now.
func TestSpecKeepsOverrides(t *testing.T) {
	before := &registryv1.Tenant{Blueprint: "blueprints/web/revisions/1.0.0", Plan: "small", Overrides: &registryv1.Overrides{
		Values: map[string]string{"depth": "99"}, Resources: map[string]*typev1.Resources{"app": {Memory: "1Gi"}},
	}}
	plain := &registryv1.Tenant{Blueprint: "blueprints/web/revisions/1.1.0", Plan: "small"}
	if got := withSpec(plain, specOf(before)); !proto.Equal(got, before) {
		t.Errorf("got %v, want %v", got, before)
	}
	if got := withSpec(before, specOf(plain)); !proto.Equal(got, plain) {
		t.Errorf("got %v, want %v", got, plain)
	}
}
