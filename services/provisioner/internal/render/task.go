package render

import (
	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/blueprint"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// Task fills a task in for the stamp as it runs, whatever is wished for now. The
// recipe is that of the stamp's revision.
func Task(in Input, stamp *pb.Stamp, name string) (blueprint.Task, error) {
	in.Tenant = proto.CloneOf(in.Tenant)
	in.Tenant.Blueprint, in.Tenant.Plan = stamp.GetRevision(), stamp.GetPlan()
	if was := stamp.GetSettled(); was.GetBlueprint() == stamp.GetRevision() {
		in.Tenant.Inputs = was.GetInputs()
		in.Tenant.Overrides = &registryv1.Overrides{Values: was.GetValues(), Resources: was.GetResources()}
	}
	forms, err := Render(in)
	if err != nil {
		return blueprint.Task{}, err
	}
	return forms.Real.Tasks[name], nil
}
