package verdict

import (
	"testing"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

const (
	good    = typev1.HealthState_HEALTHY
	slow    = typev1.HealthState_DEGRADED
	bad     = typev1.HealthState_UNHEALTHY
	unknown = typev1.HealthState_UNKNOWN
)

// desk is a stamp of db, app and worker behind an endpoint.
func desk(db, app, worker, endpoint typev1.HealthState) Stamp {
	check := func(name string, s typev1.HealthState) *healthv1.CheckHealth {
		message := map[typev1.HealthState]string{bad: "connection refused", slow: "900 ms"}[s]
		return &healthv1.CheckHealth{Name: name, State: s, Message: message}
	}
	return Stamp{
		DisplayName: "Acme Rockets",
		Components:  []*healthv1.CheckHealth{check("db", db), check("app", app), check("worker", worker)},
		DependsOn:   map[string][]string{"app": {"db"}, "worker": {"app", "db"}},
		Endpoint:    check("endpoint", endpoint),
	}
}

// again is a stamp where a check that is held to be down has just answered.
func again(s Stamp, name string) Stamp {
	for _, c := range checks(s) {
		if c.GetName() == name {
			c.Message, c.ConsecutiveSuccesses = "the probe ended with 0", 1
		}
	}
	return s
}

// behindOf is a stamp that serves, not as wished.
func behindOf(s Stamp, lagging string) Stamp {
	s.Lagging = lagging
	return s
}

// beside is a stamp with something wrong that no probe sees.
func beside(s Stamp, aside string) Stamp {
	s.Aside = aside
	return s
}

func amid(s Stamp, changing string) Stamp {
	s.Changing = changing
	return s
}

func TestSum(t *testing.T) {
	for _, tc := range []struct {
		why      string
		stamp    Stamp
		state    typev1.HealthState
		root     string
		sentence string
	}{
		{"all serve", desk(good, good, good, good), good, "",
			"Acme Rockets is up: all 3 parts serve, and the customer's address answers."},
		{"on its previous revision", behindOf(desk(good, good, good, good), "on 1.0.0: the upgrade to 1.1.0 failed"), good, "",
			"Acme Rockets is up (on 1.0.0: the upgrade to 1.1.0 failed): all 3 parts serve, and the customer's address answers."},
		{"only the root of a chain is named first", desk(bad, bad, bad, bad), bad, "db",
			"Acme Rockets is down: db does not answer (connection refused), and with it app, worker."},
		{"a part is down while the customer is served", desk(good, good, bad, good), slow, "worker",
			"Acme Rockets serves in part: worker does not answer (connection refused)."},
		{"slow", desk(good, slow, good, good), slow, "app",
			"Acme Rockets is slow: app answers late (900 ms)."},
		{"no answers yet", desk(unknown, unknown, unknown, unknown), unknown, "",
			"Acme Rockets is not known to be up: there are no answers to judge by yet."},
		{"only the address is dead", desk(good, good, good, bad), bad, "",
			"Acme Rockets is down: every part serves, but the customer's address does not (connection refused)."},
		{"one good answer is not called none", again(desk(bad, bad, bad, bad), "db"), bad, "db",
			"Acme Rockets is coming back: db answers again, 1 good answer so far; to follow: app, worker."},
		{"a part comes back while the customer is served", again(desk(good, good, bad, good), "worker"), slow, "worker",
			"Acme Rockets serves in part: worker answers again, 1 good answer so far."},
		{"the address comes back", again(desk(good, good, good, bad), "endpoint"), bad, "",
			"Acme Rockets is coming back: the customer's address answers again, 1 good answer so far."},
		{"what no probe sees", beside(desk(good, good, good, good), "Its secrets cannot be opened."), good, "",
			"Acme Rockets is up: all 3 parts serve, and the customer's address answers. Its secrets cannot be opened."},
		{"in the middle of an upgrade", amid(desk(good, good, good, bad), "It is being upgraded to 1.1.0."), bad, "",
			"Acme Rockets is down: every part serves, but the customer's address does not (connection refused). It is being upgraded to 1.1.0."},
		{"an upgrade that nobody notices", amid(desk(good, good, good, good), "It is being upgraded to 1.1.0."), good, "",
			"Acme Rockets is up: all 3 parts serve, and the customer's address answers."},
		{"never made", Stamp{DisplayName: "Acme Rockets", NotRunning: "being made", Unmade: true}, bad, "",
			"Acme Rockets is down: its copy could not be made."},
		{"not meant to run", Stamp{DisplayName: "Acme Rockets", NotRunning: "suspended"}, typev1.HealthState_NOT_RUNNING, "",
			"Acme Rockets is not running: suspended."},
	} {
		t.Run(tc.why, func(t *testing.T) {
			state, root, sentence := Sum(tc.stamp)
			if state != tc.state || root != tc.root || sentence != tc.sentence {
				t.Errorf("got %v %q\n%s\nwant %v %q\n%s", state, root, sentence, tc.state, tc.root, tc.sentence)
			}
		})
	}
}
