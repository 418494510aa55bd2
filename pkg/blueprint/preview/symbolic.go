package preview

import (
	"stampworks.dev/pkg/blueprint"
)

// Symbolic is an environment that stands for any place: ports are reached under
// their component's name, directories are named for what is in them, and
// secrets are their first version. Inputs are left to the caller.
func Symbolic(r *blueprint.Recipe, t blueprint.Tenant) blueprint.Environment {
	env := blueprint.Environment{
		Tenant: t, Plan: t.Plan, Secrets: map[string]string{}, Ports: map[string]blueprint.Port{}, Volumes: map[string]string{},
		Files: map[string]string{}, Tmp: map[string]string{}, Backup: "/backup", EndpointURL: "https://" + t.ID + ".example",
	}
	for name := range r.Secrets() {
		env.Secrets[name] = "secret:" + name + "@1"
	}
	for name, c := range r.Message().GetComponents() {
		env.Files[name], env.Tmp[name] = "/files/"+name, "/tmp/"+name
		for _, volume := range c.GetVolumes() {
			env.Volumes[name+"."+volume] = "/volumes/" + name + "/" + volume
		}
		for port, number := range c.GetPorts() {
			env.Ports[name+"."+port] = blueprint.Port{Listen: "0.0.0.0", Host: name, Port: int(number)}
		}
	}
	return env
}
