package preview

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/errs"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// Side is what is compared: a recipe as one tenant has it, or would have it.
type Side struct {
	Recipe *blueprint.Recipe
	// Tenant is whose it is; its Revision is taken from the recipe, and an empty
	// Plan is the recipe's default.
	Tenant blueprint.Tenant
	// Inputs are as the tenant gives them, without defaults.
	Inputs map[string]*structpb.Value
	// Stopped says that it is not to run: the tenant is suspended or deleted.
	Stopped bool
}

// program stands for the artifact that a cell finds: what makes it another one.
type program struct {
	Digest string `json:"digest,omitempty"`
	Source string `json:"source,omitempty"`
}

type form struct {
	Component blueprint.Component `json:"component"`
	Program   program             `json:"program"`
}

// forms renders every component. What does not fit is InvalidArgument:
// INPUTS_INVALID or PLAN_NOT_FOUND.
func (s *Side) forms() (map[string]string, error) {
	t := s.Tenant
	if t.Plan == "" {
		t.Plan = s.Recipe.DefaultPlan()
	}
	if !s.Recipe.HasPlan(t.Plan) {
		return nil, errs.Invalid("PLAN_NOT_FOUND", errs.Violation{Field: "plan", Description: fmt.Sprintf("%q is no plan of revision %s", t.Plan, s.Recipe.Revision())})
	}
	inputs, wrong := s.Recipe.ResolveInputs(t.Plan, s.Inputs)
	if len(wrong) > 0 {
		return nil, errs.Invalid("INPUTS_INVALID", wrong...)
	}
	t.Revision = s.Recipe.Revision()
	env := Symbolic(s.Recipe, t)
	env.Inputs = inputs
	rendered, err := s.Recipe.Render(env)
	if err != nil {
		return nil, err
	}
	artifacts := s.Recipe.Message().GetArtifacts()
	out := make(map[string]string, len(rendered.Components))
	for name, c := range rendered.Components {
		text, err := json.Marshal(form{Component: c, Program: programOf(artifacts[c.Artifact])})
		if err != nil {
			return nil, fmt.Errorf("encode component %q: %w", name, err)
		}
		out[name] = string(text)
	}
	return out, nil
}

// programOf tells artifacts apart as cells do: by digest where they have one,
// and a host program by its name, whichever versions are accepted.
func programOf(a *typev1.Artifact) program {
	switch {
	case a.GetSha256() != "":
		return program{Digest: "sha256:" + a.GetSha256()}
	case a.GetArchive() != "":
		return program{Source: a.GetArchive()}
	case a.GetFile() != "":
		return program{Source: a.GetFile()}
	case a.GetHost() != "":
		return program{Source: a.GetHost()}
	}
	return program{Source: a.GetImage()}
}
