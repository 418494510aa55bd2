package blueprint

import (
	"fmt"
	"regexp"
	"strings"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

var (
	hexDigest   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	imageDigest = regexp.MustCompile(`^[^\s@]+@sha256:[0-9a-f]{64}$`)
	programName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)
)

// checkArtifacts checks where programs come from. A local archive or file may
// still lack its digest: publishing fills it in. One that is fetched may not.
func (c *compiler) checkArtifacts() {
	for _, name := range sortedKeys(c.msg.GetArtifacts()) {
		c.checkArtifact("artifacts."+name, c.msg.GetArtifacts()[name])
	}
}

func (c *compiler) checkArtifact(path string, a *typev1.Artifact) {
	var kinds []string
	for _, k := range []struct{ name, value string }{{"archive", a.GetArchive()}, {"file", a.GetFile()}, {"host", a.GetHost()}} {
		if k.value != "" {
			kinds = append(kinds, k.name)
		}
	}
	switch {
	case len(kinds) > 1:
		c.atKey(path, "has "+strings.Join(kinds, " and "), "one of archive, file and host")
	case len(kinds) == 0 && a.GetImage() == "":
		c.atKey(path, "has no source", "one of archive, file and host, or an image")
	}
	if image := a.GetImage(); image != "" && !imageDigest.MatchString(image) {
		c.at(path+".image", fmt.Sprintf("%q is not an image by digest", image), `a name and a digest: "registry/name@sha256:…"`)
	}
	fetched := a.GetArchive() + a.GetFile()
	switch digest := a.GetSha256(); {
	case digest != "" && fetched == "":
		c.at(path+".sha256", "is of no archive or file", "none with a host program or an image")
	case digest != "" && !hexDigest.MatchString(digest):
		c.at(path+".sha256", fmt.Sprintf("%q is not a SHA-256 digest", digest), "64 lower-case hex digits")
	case digest == "" && strings.Contains(fetched, "://"):
		c.at(path+".sha256", "is missing for what is fetched", "64 lower-case hex digits")
	}
	c.checkSourceURL(path, a)
	if host := a.GetHost(); host != "" && !programName.MatchString(host) {
		c.at(path+".host", fmt.Sprintf("%q is not the name of a program", host), `a name such as "postgres", without a path`)
	}
	if a.GetVersion() != "" && a.GetHost() == "" {
		c.at(path+".version", "is of no host program", "version with host only")
	}
	c.checkConstraint(path+".version", a.GetVersion())
}

// checkSourceURL: programs are fetched over HTTP or read from a path.
func (c *compiler) checkSourceURL(path string, a *typev1.Artifact) {
	for _, k := range []struct{ name, value string }{{"archive", a.GetArchive()}, {"file", a.GetFile()}} {
		scheme, _, isURL := strings.Cut(k.value, "://")
		if isURL && scheme != "https" && scheme != "http" && scheme != "file" {
			c.at(path+"."+k.name, fmt.Sprintf("%q cannot be fetched", scheme+"://"), "an https:// or http:// URL, or a path")
		}
		if k.name == "archive" && k.value != "" && !archiveName(k.value) {
			c.at(path+".archive", fmt.Sprintf("%q is not an archive", k.value), "a name that ends in .tar.gz, .tgz or .zip; file is for a single program")
		}
	}
}

func archiveName(name string) bool {
	name, _, _ = strings.Cut(name, "?")
	return strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz") || strings.HasSuffix(name, ".zip")
}
