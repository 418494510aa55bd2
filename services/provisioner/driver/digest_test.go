package driver_test

import (
	"testing"

	"stampworks.dev/services/provisioner/driver"
)

// TestDigest: what makes a component another one, and what does not, so that
// nothing is started anew for it.
func TestDigest(t *testing.T) {
	of := func(change func(m *driver.Manifest, c *driver.Component)) string {
		m := driver.Manifest{Revision: "blueprints/shop/revisions/1.0.0", Site: driver.Site{
			UserID: 7, Artifacts: map[string]driver.ResolvedArtifact{"shop": {Dir: "/a", Digest: "sha256:1"}},
		}}
		c := driver.Component{Artifact: "shop", Command: []string{"shop"}, CPUMillis: 100}
		change(&m, &c)
		m.Components = map[string]driver.Component{"app": c}
		digest, err := m.Digest("app")
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	was := of(func(*driver.Manifest, *driver.Component) {})
	for name, c := range map[string]struct {
		change  func(m *driver.Manifest, c *driver.Component)
		another bool
	}{
		"command": {func(_ *driver.Manifest, c *driver.Component) { c.Command = []string{"shop", "-v"} }, true},
		"limit":   {func(_ *driver.Manifest, c *driver.Component) { c.CPUMillis = 200 }, true},
		"user":    {func(m *driver.Manifest, _ *driver.Component) { m.Site.UserID = 8 }, true},
		"program": {func(m *driver.Manifest, _ *driver.Component) {
			m.Site.Artifacts["shop"] = driver.ResolvedArtifact{Dir: "/a", Digest: "sha256:2"}
		}, true},
		"stopped":         {func(_ *driver.Manifest, c *driver.Component) { c.Stopped = true }, false},
		"processor share": {func(_ *driver.Manifest, c *driver.Component) { c.CPUShareMillis = 50 }, false},
		"telemetry":       {func(_ *driver.Manifest, c *driver.Component) { c.Telemetry = map[string]string{"A": "b"} }, false},
		"revision":        {func(m *driver.Manifest, _ *driver.Component) { m.Revision = "blueprints/shop/revisions/1.1.0" }, false},
	} {
		if is := of(c.change); (is != was) != c.another {
			t.Errorf("%s: digest %s, was %s; want another one: %v", name, is, was, c.another)
		}
	}
}
