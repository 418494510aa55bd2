package render

import (
	"stampworks.dev/pkg/blueprint"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
)

// SiteRequest is what a recipe's stamps need of their cell.
func SiteRequest(r *blueprint.Recipe) driver.SiteRequest {
	msg := r.Message()
	want := driver.SiteRequest{
		Ports: map[string]int{}, Endpoint: msg.GetEndpoint(),
		Artifacts: map[string]driver.Artifact{}, Components: map[string][]string{},
	}
	for name, c := range msg.GetComponents() {
		want.Components[name] = c.GetVolumes()
		for port, n := range c.GetPorts() {
			want.Ports[name+"."+port] = int(n)
		}
	}
	for name, a := range msg.GetArtifacts() {
		want.Artifacts[name] = driver.Artifact{
			Archive: a.GetArchive(), File: a.GetFile(), Host: a.GetHost(), Image: a.GetImage(),
			SHA256: a.GetSha256(), Version: a.GetVersion(),
		}
	}
	return want
}

// Programs are the host programs that a recipe needs, with the versions that
// it accepts.
func Programs(msg *typev1.Blueprint) map[string]string {
	programs := map[string]string{}
	for _, a := range msg.GetArtifacts() {
		if a.GetHost() != "" && a.GetArchive() == "" && a.GetFile() == "" {
			programs[a.GetHost()] = a.GetVersion()
		}
	}
	return programs
}

// Drivers are the kinds of cell that all of a recipe's artifacts can run on.
func Drivers(msg *typev1.Blueprint) []string {
	local, kubernetes := true, true
	for _, c := range msg.GetComponents() {
		a := msg.GetArtifacts()[c.GetArtifact()]
		local = local && (a.GetArchive() != "" || a.GetFile() != "" || a.GetHost() != "")
		kubernetes = kubernetes && (a.GetImage() != "" || c.GetHelm() != nil)
	}
	var kinds []string
	if local {
		kinds = append(kinds, "local")
	}
	if kubernetes {
		kinds = append(kinds, "kubernetes")
	}
	return kinds
}
