package render

import (
	"encoding/json"
	"fmt"
	"strings"

	"stampworks.dev/pkg/blueprint"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/secrets"
)

// Input is everything that a stamp is rendered from.
type Input struct {
	Tenant  *registryv1.Tenant
	Recipe  *blueprint.Recipe
	Site    driver.Site
	Secrets map[string]secrets.Secret
	// Closed renders the endpoint where no customer reaches it.
	Closed bool
}

// Forms are the two renderings of a stamp.
type Forms struct {
	// Ledger is each component's form without secret values, as JSON.
	Ledger map[string]string
	// Masked is the rendering behind it. Real is the one with secret values: it
	// is never logged or stored.
	Masked, Real *blueprint.Rendered
}

// Form is a component as the ledger has it: the rendering, and the program
// that the cell found for it. The same command of a newer archive differs.
type Form struct {
	Component blueprint.Component     `json:"component"`
	Program   driver.ResolvedArtifact `json:"program"`
}

// Render gives both forms. What cannot be rendered is a failure RENDER_FAILED.
func Render(in Input) (*Forms, error) {
	over, err := overridden(in.Tenant, in.Recipe)
	if err != nil {
		return nil, err
	}
	plan := Plan(in.Tenant, in.Recipe)
	in.Recipe = over
	masked, err := in.render(plan, func(name string, s secrets.Secret) string { return s.Placeholder(name) })
	if err != nil {
		return nil, err
	}
	forms := &Forms{Masked: masked, Ledger: make(map[string]string, len(masked.Components))}
	for name, c := range masked.Components {
		text, err := json.Marshal(Form{Component: c, Program: in.Site.Artifacts[c.Artifact]})
		if err != nil {
			return nil, fmt.Errorf("render component %q: %w", name, err)
		}
		forms.Ledger[name] = string(text)
	}
	forms.Real, err = in.render(plan, func(_ string, s secrets.Secret) string { return s.Value })
	return forms, err
}

func (in Input) render(plan string, text func(string, secrets.Secret) string) (*blueprint.Rendered, error) {
	inputs, bad := in.Recipe.ResolveInputs(plan, in.Tenant.GetInputs())
	if len(bad) > 0 {
		return nil, failed(fmt.Sprintf("The tenant's inputs do not fit the revision: %s %s.", bad[0].Field, bad[0].Description))
	}
	shown := make(map[string]string, len(in.Secrets))
	for name, s := range in.Secrets {
		shown[name] = text(name, s)
	}
	ports := make(map[string]blueprint.Port, len(in.Site.Binds))
	for name, b := range in.Site.Binds {
		if in.Closed && name == in.Recipe.Message().GetEndpoint() && in.Site.Closed != nil {
			b = *in.Site.Closed
		}
		ports[name] = blueprint.Port{Listen: b.Listen, Host: b.Host, Port: b.Port}
	}
	rendered, err := in.Recipe.Render(blueprint.Environment{
		Tenant: blueprint.Tenant{
			ID: record.TenantID(in.Tenant.GetName()), UID: in.Tenant.GetUid(), DisplayName: in.Tenant.GetDisplayName(),
			Plan: plan, Region: in.Tenant.GetRegion(), Revision: in.Recipe.Revision(),
		},
		Plan: plan, Inputs: inputs, Secrets: shown, Ports: ports,
		Volumes: in.Site.Volumes, Files: in.Site.Files, Tmp: in.Site.Tmp, Backup: in.Site.Backup,
		EndpointURL: in.Site.PublicURL,
	})
	if err != nil {
		return nil, failed(fmt.Sprintf("The revision cannot be rendered for this tenant: %v", err))
	}
	return rendered, nil
}

func failed(message string) error {
	return failure.New(typev1.Failure_RENDER_FAILED, "", message)
}

// Manifest is a rendering as the driver takes it. What components are told of
// telemetry is not in the ledger's form, so that neither another collector nor a
// revision that changes nothing of them restarts any.
func Manifest(in Input, filled *blueprint.Rendered, telemetry Telemetry) driver.Manifest {
	m := driver.Manifest{
		Tenant: record.TenantID(in.Tenant.GetName()), UID: in.Tenant.GetUid(), Generation: in.Tenant.GetGeneration(),
		Revision: in.Tenant.GetBlueprint(), Site: in.Site, Components: make(map[string]driver.Component, len(filled.Components)),
	}
	for name, c := range filled.Components {
		m.Components[name] = component(c, telemetry.env(m, name))
	}
	return m
}

func component(c blueprint.Component, telemetry map[string]string) driver.Component {
	return driver.Component{
		Artifact: c.Artifact, Command: c.Command, Env: c.Env, Telemetry: telemetry, Files: c.Files, Volumes: c.Volumes, Locks: c.Locks,
		StopSignal: c.StopSignal, StopGrace: c.StopGrace, CPUMillis: c.CPULimit, MemoryBytes: c.MemoryLimit, CPUShareMillis: c.CPURequest,
		Replicas: c.Replicas, Connects: c.Connects,
	}
}

// Telemetry is what long-running components are told about tracing.
type Telemetry struct {
	// Endpoint is where they send OTLP to; empty tells them nothing.
	Endpoint string
}

func (t Telemetry) env(m driver.Manifest, component string) map[string]string {
	revision := m.Revision[strings.LastIndexByte(m.Revision, '/')+1:]
	env := map[string]string{"OTEL_RESOURCE_ATTRIBUTES": fmt.Sprintf(
		"stampworks.tenant=%s,stampworks.component=%s,stampworks.revision=%s", m.Tenant, component, revision)}
	if t.Endpoint != "" {
		env["OTEL_EXPORTER_OTLP_ENDPOINT"] = t.Endpoint
	}
	return env
}
