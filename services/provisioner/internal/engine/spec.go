package engine

import (
	"google.golang.org/protobuf/proto"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// specOf is what a tenant says of what its stamp is made from.
func specOf(t *registryv1.Tenant) *pb.StampSpec {
	return &pb.StampSpec{
		Blueprint: t.GetBlueprint(), Plan: t.GetPlan(), Inputs: t.GetInputs(),
		Values: t.GetOverrides().GetValues(), Resources: t.GetOverrides().GetResources(),
	}
}

// withSpec is the tenant as if it had wished for that.
func withSpec(t *registryv1.Tenant, spec *pb.StampSpec) *registryv1.Tenant {
	t = proto.CloneOf(t)
	t.Blueprint, t.Plan, t.Inputs = spec.GetBlueprint(), spec.GetPlan(), spec.GetInputs()
	if t.Overrides = nil; len(spec.GetValues())+len(spec.GetResources()) > 0 {
		t.Overrides = &registryv1.Overrides{Values: spec.GetValues(), Resources: spec.GetResources()}
	}
	return t
}

// settledSpec is what the stamp was last made from in full.
func settledSpec(t *registryv1.Tenant, have *pb.Stamp) *pb.StampSpec {
	if s := have.GetSettled(); s != nil {
		return s
	}
	return &pb.StampSpec{Blueprint: have.GetRevision(), Plan: have.GetPlan(), Inputs: t.GetInputs()}
}
