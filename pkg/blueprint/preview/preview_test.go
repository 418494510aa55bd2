package preview_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/blueprint/preview"
	"stampworks.dev/pkg/errs"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

const shop = `
blueprint: shop
revision: 1.0.0
artifacts:
  shop: {file: /opt/shop, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
  postgres: {host: postgres, version: ">=13"}
inputs:
  seats: {type: INT, default: 25}
secrets:
  password: {}
plans:
  small: {resources: {db: {volumes: {data: 1Gi}}}}
  large: {extends: small, resources: {app: {memory: 256Mi}}}
components:
  db:
    artifact: postgres
    volumes: [data]
    ports: {sql: 5432}
    env: {PASSWORD: "${secrets.password}"}
    setup: initdb ${volumes.data}
    run: postgres -p ${db.sql.port}
  app:
    artifact: shop
    ports: {http: 8080}
    env: {DB: "${db.sql.addr}", SEATS: "${inputs.seats}", URL: "${endpoint.url}"}
    migrate: shop migrate
    run: shop app
    ready: {http: http}
  edge:
    artifact: shop
    run: shop edge --upstream ${app.http.addr}
  clock:
    artifact: shop
    run: shop clock
endpoint: app.http
`

func parse(t *testing.T, edits ...string) *blueprint.Recipe {
	t.Helper()
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(shop, edits[i]) {
			t.Fatalf("no %q in the recipe", edits[i])
		}
	}
	recipe, err := blueprint.Parse("shop.yaml", []byte(strings.NewReplacer(edits...).Replace(shop)))
	if err != nil {
		t.Fatal(err)
	}
	return recipe
}

func side(r *blueprint.Recipe, plan string, seats float64) *preview.Side {
	s := &preview.Side{Recipe: r, Tenant: blueprint.Tenant{ID: "acme", UID: "u1", Plan: plan}}
	if seats > 0 {
		s.Inputs = map[string]*structpb.Value{"seats": structpb.NewNumberValue(seats)}
	}
	return s
}

// told writes a preview in lines: "app CHANGE env.SEATS 25→50 [migrate] (why)".
func told(p *typev1.Preview) string {
	var lines []string
	for _, c := range p.GetComponents() {
		line := c.GetName() + " " + c.GetAction().String()
		for _, f := range c.GetFields() {
			line += fmt.Sprintf(" %s %s→%s", f.GetPath(), f.GetBefore(), f.GetAfter())
		}
		if len(c.GetJobs()) > 0 {
			line += fmt.Sprint(" ", c.GetJobs())
		}
		if c.GetReason() != "" {
			line += " (" + c.GetReason() + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestBetween(t *testing.T) {
	one := parse(t)
	two := []string{"revision: 1.0.0", "revision: 1.1.0"}
	next := func(edits ...string) *blueprint.Recipe { return parse(t, append(two, edits...)...) }
	stopped := func(s *preview.Side) *preview.Side { s.Stopped = true; return s }
	for _, c := range []struct {
		name          string
		before, after *preview.Side
		want, summary string
	}{
		{
			"nothing yet", nil, side(one, "", 0),
			"clock CREATE\ndb CREATE [setup]\napp CREATE [migrate]\nedge CREATE", "Creates clock, db, app and edge, migrates app.",
		},
		{
			"the same", side(one, "small", 0), side(one, "", 25),
			"clock NOTHING\ndb NOTHING\napp NOTHING\nedge NOTHING", "Nothing to do.",
		},
		{
			"an input", side(one, "small", 25), side(one, "small", 50),
			"clock NOTHING\ndb NOTHING\napp CHANGE env.SEATS 25→50\nedge NOTHING", "Changes app; clock, db and edge stay as they are.",
		},
		{
			"another plan", side(one, "small", 0), side(one, "large", 0),
			"clock NOTHING\ndb NOTHING\napp CHANGE memory_limit 128Mi→256Mi memory_request 128Mi→256Mi\nedge NOTHING", "Changes app; clock, db and edge stay as they are.",
		},
		{
			"a revision that only migrates", side(one, "small", 0), side(next(), "small", 0),
			"clock NOTHING\ndb NOTHING\napp RESTART [migrate] (it migrates)\nedge RESTART (app migrates)", "Restarts app and edge, migrates app; clock and db stay as they are.",
		},
		{
			"another program", side(one, "small", 0), side(next("9f86", "0000"), "small", 0),
			"clock CHANGE program.digest " + digest("9f86") + "→" + digest("0000") + "\n" +
				"db NOTHING\napp CHANGE program.digest " + digest("9f86") + "→" + digest("0000") + " [migrate]\n" +
				"edge CHANGE program.digest " + digest("9f86") + "→" + digest("0000"), "Changes clock, app and edge, migrates app; db stays as it is.",
		},
		{
			"a host program of other versions", side(one, "small", 0), side(parse(t, ">=13", ">=14"), "small", 0),
			"clock NOTHING\ndb NOTHING\napp NOTHING\nedge NOTHING", "Nothing to do.",
		},
		{
			"one gone, one new", side(one, "small", 0), side(next("  clock:", "  timer:", "shop clock", "shop timer"), "small", 0),
			"db NOTHING\ntimer CREATE\napp RESTART [migrate] (it migrates)\nedge RESTART (app migrates)\nclock REMOVE", "Creates timer, restarts app and edge, removes clock, migrates app; db stays as it is.",
		},
		{
			"a setup that was not there", side(parse(t, "    setup: initdb ${volumes.data}\n", ""), "small", 0), side(one, "small", 0),
			"clock NOTHING\ndb CHANGE setup.command →initdb /volumes/db/data setup.env.PASSWORD →secret:password@1 setup.timeout →10m0s [setup]\napp NOTHING\nedge NOTHING",
			"Changes db; clock, app and edge stay as they are.",
		},
		{
			"suspended", side(one, "small", 0), stopped(side(one, "small", 0)),
			"clock STOP\ndb STOP\napp STOP\nedge STOP", "Stops clock, db, app and edge.",
		},
		{
			"changed while suspended", stopped(side(one, "small", 0)), stopped(side(next(), "small", 50)),
			"clock NOTHING\ndb NOTHING\napp NOTHING\nedge NOTHING", "Nothing to do.",
		},
		{
			"resumed", stopped(side(one, "small", 0)), side(one, "small", 50),
			"clock RESTART (it does not run)\ndb RESTART (it does not run)\napp CHANGE env.SEATS 25→50\nedge RESTART (it does not run)",
			"Changes app, restarts clock, db and edge.",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := preview.Between(c.before, c.after)
			if err != nil {
				t.Fatal(err)
			}
			if got := told(p); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if p.GetSummary() != c.summary {
				t.Errorf("got %q, want %q", p.GetSummary(), c.summary)
			}
		})
	}
}

func digest(begin string) string {
	return "sha256:" + begin + "d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
}

func TestWhatDoesNotFit(t *testing.T) {
	one := parse(t)
	asks := parse(t, "revision: 1.0.0", "revision: 1.1.0", "  seats: {type: INT, default: 25}", "  seats: {type: INT, default: 25}\n  email: {type: STRING, required: true}")
	texts := parse(t, "revision: 1.0.0", "revision: 1.1.0", "{type: INT, default: 25}", "{type: STRING, enum: [few, many], default: few}")
	for _, c := range []struct {
		name, reason, field string
		after               *preview.Side
	}{
		{"an input missing", "INPUTS_INVALID", "inputs.email", side(asks, "small", 0)},
		{"an input of another type", "INPUTS_INVALID", "inputs.seats", side(texts, "small", 40)},
		{"a plan that is gone", "PLAN_NOT_FOUND", "plan", side(one, "huge", 0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := preview.Between(side(one, "small", 0), c.after)
			e, ok := errs.As(err)
			if !ok || e.Reason != c.reason || len(e.Violations) != 1 || e.Violations[0].Field != c.field {
				t.Errorf("%v (%s)", err, errs.ReasonOf(err))
			}
		})
	}
}

func TestSummarySaysWhatBlocks(t *testing.T) {
	full := []*typev1.Obstacle{{Message: "No cell has room."}}
	if got := preview.Summary(nil, full); got != "Blocked: No cell has room." {
		t.Error(got)
	}
	app := []*typev1.ComponentPreview{{Name: "app", Action: typev1.ComponentPreview_CREATE}}
	if got := preview.Summary(app, full); got != "Creates app. Blocked: No cell has room." {
		t.Error(got)
	}
}
