package render_test

import (
	"reflect"
	"testing"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/render"
)

func asked() driver.SiteRequest {
	return driver.SiteRequest{
		Ports: map[string]int{"db.sql": 5432, "app.http": 8080}, Endpoint: "app.http",
		Artifacts:  map[string]driver.Artifact{"shop": {File: "/opt/shop-1", SHA256: "aa"}, "postgres": {Host: "postgres", Version: ">=13"}},
		Components: map[string][]string{"db": {"data"}, "app": nil},
	}
}

func given() driver.Site {
	closed := driver.Bind{Listen: "127.64.0.2", Host: "127.64.0.2", Port: 8080}
	return driver.Site{
		Closed: &closed,
		Dir:    "/cell/acme", UserID: 200001, PublicURL: "http://127.0.0.1:20001", Backup: "/cell/acme/backup",
		Binds: map[string]driver.Bind{
			"db.sql": {Listen: "127.64.0.2", Host: "127.64.0.2", Port: 5432}, "app.http": {Listen: "127.0.0.1", Host: "127.0.0.1", Port: 20001},
		},
		Volumes: map[string]string{"db.data": "/cell/acme/db/data"}, Files: map[string]string{"db": "/f/db", "app": "/f/app"}, Tmp: map[string]string{"db": "/t", "app": "/t"},
		Artifacts: map[string]driver.ResolvedArtifact{"shop": {Dir: "/store/aa", Digest: "sha256:aa"}, "postgres": {Dir: "/usr/bin", Version: "15.2"}},
	}
}

func TestExpect(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*driver.SiteRequest)
		want   func(*driver.Site)
	}{
		{"the same request", func(*driver.SiteRequest) {}, func(*driver.Site) {}},
		{
			"another program", func(w *driver.SiteRequest) { w.Artifacts["shop"] = driver.Artifact{File: "/opt/shop-2", SHA256: "bb"} },
			func(s *driver.Site) { s.Artifacts["shop"] = driver.ResolvedArtifact{Digest: "sha256:bb"} },
		},
		{
			"the same program from elsewhere", func(w *driver.SiteRequest) { w.Artifacts["shop"] = driver.Artifact{File: "/srv/shop", SHA256: "aa"} },
			func(*driver.Site) {},
		},
		{
			"other versions of a host program", func(w *driver.SiteRequest) {
				w.Artifacts["postgres"] = driver.Artifact{Host: "postgres", Version: ">=14"}
			}, func(*driver.Site) {},
		},
		{
			"another port", func(w *driver.SiteRequest) { w.Ports["db.sql"] = 5433 },
			func(s *driver.Site) {
				s.Binds["db.sql"] = driver.Bind{Listen: "127.64.0.2", Host: "127.64.0.2", Port: 5433}
			},
		},
		{
			"a component more, one gone", func(w *driver.SiteRequest) {
				delete(w.Components, "db")
				delete(w.Ports, "db.sql")
				w.Components["queue"], w.Ports["queue.nats"] = []string{"log"}, 4222
			},
			func(s *driver.Site) {
				delete(s.Binds, "db.sql")
				s.Binds["queue.nats"] = driver.Bind{Listen: "127.64.0.2", Host: "127.64.0.2", Port: 4222}
				s.Volumes = map[string]string{"queue.log": "/volumes/queue.log"}
				s.Files, s.Tmp = map[string]string{"app": "/f/app", "queue": "/files/queue"}, map[string]string{"app": "/t", "queue": "/tmp/queue"}
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			have, before, want, expected := given(), asked(), asked(), given()
			c.change(&want)
			c.want(&expected)
			if got := render.Expect(&have, before, want, "acme"); !reflect.DeepEqual(got, expected) {
				t.Errorf("got  %+v\nwant %+v", got, expected)
			}
			if untouched := given(); !reflect.DeepEqual(have, untouched) {
				t.Errorf("the site that was given was changed: %+v", have)
			}
		})
	}
}

// A stamp that has nothing yet can be rendered all the same: every name is given.
func TestExpectOfNothing(t *testing.T) {
	site := render.Expect(nil, driver.SiteRequest{}, asked(), "acme")
	if site.PublicURL == "" || site.Backup == "" || len(site.Volumes) != 1 || len(site.Files) != 2 || len(site.Tmp) != 2 {
		t.Errorf("%+v", site)
	}
	for _, name := range []string{"db.sql", "app.http"} {
		if site.Binds[name].Host == "" || site.Binds[name].Port == 0 {
			t.Errorf("%s: %+v", name, site.Binds)
		}
	}
}
