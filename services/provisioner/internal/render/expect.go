package render

import (
	"cmp"

	"stampworks.dev/services/provisioner/driver"
)

// Expect is the site that a cell is expected to give a tenant for a request:
// what it gave for the request before, and names that stand for the rest. have
// is nil when nothing was given. The same stamp always gets the same site, so
// only a host program of which the machine has another version by now differs.
func Expect(have *driver.Site, before, want driver.SiteRequest, tenant string) driver.Site {
	if have == nil {
		have = &driver.Site{}
	}
	site := *have
	site.Binds, site.Artifacts = map[string]driver.Bind{}, map[string]driver.ResolvedArtifact{}
	for name, port := range want.Ports {
		site.Binds[name] = expectBind(have, before, want, name, port)
	}
	if want.Endpoint != "" && (have.PublicURL == "" || want.Endpoint != before.Endpoint) {
		site.PublicURL = cmp.Or(have.PublicURL, "https://"+tenant+".example")
	}
	if b, has := site.Binds[want.Endpoint]; has && site.Closed == nil {
		site.Closed = &b
	}
	for name, a := range want.Artifacts {
		found, given := have.Artifacts[name]
		if !given || !sameProgram(before.Artifacts[name], a) {
			found = expectProgram(a)
		}
		site.Artifacts[name] = found
	}
	site.Volumes, site.Files, site.Tmp = map[string]string{}, map[string]string{}, map[string]string{}
	for component, volumes := range want.Components {
		site.Files[component] = cmp.Or(have.Files[component], "/files/"+component)
		site.Tmp[component] = cmp.Or(have.Tmp[component], "/tmp/"+component)
		for _, volume := range volumes {
			name := component + "." + volume
			site.Volumes[name] = cmp.Or(have.Volumes[name], "/volumes/"+name)
		}
	}
	site.Backup = cmp.Or(have.Backup, "/backup")
	return site
}

// expectBind keeps a bind that stays what it is; a new one is where the stamp's
// others are, on its own port.
func expectBind(have *driver.Site, before, want driver.SiteRequest, name string, port int) driver.Bind {
	bind, given := have.Binds[name]
	if given && before.Ports[name] == port && (name == want.Endpoint) == (name == before.Endpoint) {
		return bind
	}
	for other, at := range have.Binds {
		if other != before.Endpoint {
			return driver.Bind{Listen: at.Listen, Host: at.Host, Port: port}
		}
	}
	return driver.Bind{Listen: "127.0.0.1", Host: "127.0.0.1", Port: port}
}

// sameProgram says whether a cell finds the same for both. A host program is
// the same whichever versions are accepted, unless the machine changed.
func sameProgram(a, b driver.Artifact) bool {
	if a.SHA256 != "" || b.SHA256 != "" {
		return a.SHA256 == b.SHA256 && (a.Archive != "") == (b.Archive != "")
	}
	return a.Archive == b.Archive && a.File == b.File && a.Host == b.Host && a.Image == b.Image
}

func expectProgram(a driver.Artifact) driver.ResolvedArtifact {
	if a.SHA256 != "" {
		return driver.ResolvedArtifact{Digest: "sha256:" + a.SHA256}
	}
	return driver.ResolvedArtifact{Dir: cmp.Or(a.Archive, a.File, a.Host, a.Image)}
}
