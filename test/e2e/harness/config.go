package harness

import (
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"stampworks.dev/pkg/rpc/pki"
)

// section is a part of a config file.
type section map[string]any

// configure writes a config file for every service, as an operator would, and
// prepares the programs.
func (p *Plane) configure() {
	p.T.Helper()
	if err := os.Mkdir(filepath.Join(p.Dir, "services"), 0o711); err != nil {
		p.T.Fatalf("make folder: %v", err)
	}
	for name := range p.kinds() {
		p.addresses[name] = freeAddress(p.T)
	}
	for name, kind := range p.kinds() {
		p.service(name, kind, p.config(name, kind))
	}
}

// standby is the second provisioner of the first cell's host.
const standby = "provisioner-two"

// kinds gives the program of each service.
func (p *Plane) kinds() map[string]string {
	kinds := map[string]string{"tenant-registry": "tenant-registry", "gateway": "gateway"}
	for i := range p.cells {
		kinds[nameOf("provisioner", i)], kinds[nameOf("health", i)] = "provisioner", "health"
	}
	if p.standby {
		kinds[standby] = "provisioner"
	}
	return kinds
}

// nameOf names the service of a cell's host: "provisioner", "provisioner-b".
func nameOf(kind string, cell int) string {
	if cell == 0 {
		return kind
	}
	return kind + "-" + string(rune('a'+cell))
}

// asked is the provisioner that others ask.
func (p *Plane) asked() string {
	if p.standby {
		return standby
	}
	return "provisioner"
}

// config is what an operator writes for a service.
func (p *Plane) config(name, kind string) section {
	listen, etcd := p.addresses[name], section{"endpoints": []string{p.Etcd.Endpoint}}
	tls := p.certificate(kind)
	registry, provisioner := section{"target": p.addresses["tenant-registry"]}, section{"target": p.addresses[p.asked()]}
	switch kind {
	case "tenant-registry":
		return section{
			"grpc": section{"listen": listen}, "tls": tls, "etcd": etcd, "data_dir": p.dataDir(name),
			"public_url": "http://" + p.addresses["gateway"],
		}
	case "provisioner":
		return section{
			"grpc": section{"listen": listen}, "tls": tls, "etcd": etcd, "data_dir": p.dataDir(name),
			"registry": registry, "replica": name, "secret_key_file": filepath.Join(p.Dir, "stamps.key"),
			"cell": section{
				"name": p.cellOf(kind, name), "data_dir": p.CellDir(p.cellOf(kind, name)), "supervisor": program(p.T, "stamp-supervisor"),
				"artifact_roots": []string{filepath.Dir(program(p.T, "stamp")), p.Dir},
			},
		}
	case "health":
		return section{
			"grpc": section{"listen": listen}, "tls": tls, "etcd": etcd, "data_dir": p.dataDir(name),
			"provisioner": provisioner, "replica": name, "cell": section{"name": p.cellOf(kind, name)},
		}
	}
	return section{
		"http": section{"listen": listen}, "tls": tls, "tokens_file": filepath.Join(p.Dir, "tokens"),
		"registry": registry, "provisioner": provisioner, "health": section{"target": p.addresses["health"]},
	}
}

// cellOf is the cell of the host that a service is on.
func (p *Plane) cellOf(kind, name string) string {
	for i, cell := range p.cells {
		if nameOf(kind, i) == name {
			return cell
		}
	}
	return p.cells[0]
}

// certificate issues one for a kind of service.
func (p *Plane) certificate(kind string) section {
	p.T.Helper()
	files, err := pki.Issue(filepath.Join(p.Dir, "pki"), kind)
	if err != nil {
		p.T.Fatal(err)
	}
	return section{"ca": files.CA, "cert": files.Cert, "key": files.Key}
}

func (p *Plane) dataDir(name string) string { return filepath.Join(p.Dir, "services", name) }

// service writes the file and prepares the process.
func (p *Plane) service(name, kind string, config section) {
	p.T.Helper()
	admin := freeAddress(p.T)
	config["admin"] = section{"listen": admin}
	text, err := yaml.Marshal(config)
	if err != nil {
		p.T.Fatalf("write config of %s: %v", name, err)
	}
	path := p.write(name+".yaml", string(text))
	p.Services[name] = &Service{Admin: "http://" + admin, Process: newProcess(p.T, p.Dir, name, program(p.T, kind), "--config", path)}
}
