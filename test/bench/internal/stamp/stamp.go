// Package stamp measures how long a customer waits: from the order to the smoke
// checks of the real product, by Stampworks and by hand.
package stamp

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/test/bench/internal/bench"
	"stampworks.dev/test/e2e/harness"
)

const (
	// rounds of each, one after the other.
	rounds = 10
	// atOnce is how many customers come together, crowdRounds how often.
	atOnce      = 20
	crowdRounds = 3
	// createMark is of one, grace what it may take longer whatever the ratio.
	createMark = 1.15
	grace      = 400 * time.Millisecond
	// atOnceMark is of many.
	atOnceMark = 1.25
	// within is how long anything may take.
	within = 3 * time.Minute
)

// Lite is the product on SQLite, Full on PostgreSQL.
func Lite() bench.Measurement { return measurement("lite", "helpdesk-lite") }

// Full is the product on PostgreSQL.
func Full() bench.Measurement { return measurement("full", "helpdesk") }

func measurement(product, blueprint string) bench.Measurement {
	one, many := "stamp/"+product+"_create", fmt.Sprintf("stamp/%s_%d_at_once", product, atOnce)
	return bench.Measurement{
		Names: []string{one, many},
		Run: func(ctx context.Context, log *slog.Logger) (results []bench.Result, err error) {
			err = bench.With(ctx, log, func(t testing.TB) {
				d := newDesk(t, log, blueprint)
				hand := newScript(t, harness.Dir(t), product, d.warmUp())
				results = append(results, create(d, hand, one), together(d, hand, many))
			})
			return results, err
		},
	}
}

// create compares one customer at a time.
func create(d *desk, hand *script, name string) bench.Result {
	d.t.Helper()
	ours, theirs := inTurn(d, hand, name, rounds, 1)
	return result(name, ours, theirs, max(createMark, float64(theirs+grace)/float64(theirs)),
		fmt.Sprintf("test/bench/script/stamp.sh, median of %d alternating runs: %d ms", rounds, theirs.Milliseconds()))
}

// together compares the time until the last of many is there.
func together(d *desk, hand *script, name string) bench.Result {
	d.t.Helper()
	ours, theirs := inTurn(d, hand, name, crowdRounds, atOnce)
	return result(name, ours, theirs, atOnceMark,
		fmt.Sprintf("test/bench/script/stamp.sh, %d times at once, median of %d alternating runs: %d ms", atOnce, crowdRounds, theirs.Milliseconds()))
}

// inTurn gives the medians of so many runs of each.
func inTurn(d *desk, hand *script, name string, runs, customers int) (ours, theirs time.Duration) {
	d.t.Helper()
	var mine, peer []time.Duration
	for range runs {
		mine, peer = append(mine, d.run(customers)), append(peer, hand.run(customers))
	}
	d.log.Info(name, "ours", mine, "script", peer)
	return median(mine), median(peer)
}

func result(name string, ours, theirs time.Duration, mark float64, against string) bench.Result {
	ratio := float64(ours) / float64(theirs)
	return bench.Result{
		Name: name, Value: ours.Seconds() * 1000, Unit: "ms", Against: against, Ratio: ratio, Mark: mark, OK: ratio <= mark,
	}
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// desk is `stamp dev`, and one who orders there.
type desk struct {
	t         testing.TB
	log       *slog.Logger
	dev       *harness.Dev
	blueprint string
	orders    int // so far
	purged    int32
}

func newDesk(t testing.TB, log *slog.Logger, blueprint string) *desk {
	t.Helper()
	d := &desk{t: t, log: log, dev: harness.NewDev(t), blueprint: blueprint}
	d.dev.Start()
	d.dev.API.Publish(blueprint, "1.0.0")
	return d
}

// warmUp makes a customer whom nobody measures: programs are copied into the
// cell once. Its stamp says what isolation there is.
func (d *desk) warmUp() *provisionerv1.Stamp {
	d.t.Helper()
	var stamp *provisionerv1.Stamp
	d.order(1, func(id string) {
		var err error
		if stamp, err = d.dev.API.Stamp(id); err != nil {
			d.t.Fatal(err)
		}
	})
	return stamp
}

// run orders so many at once, tells how long it took until all had passed their
// smoke checks, and removes them.
func (d *desk) run(customers int) time.Duration {
	d.t.Helper()
	return d.order(customers, func(string) {})
}

func (d *desk) order(customers int, look func(id string)) time.Duration {
	d.t.Helper()
	ids, operations := make([]string, customers), make([]string, customers)
	for i := range ids {
		d.orders++
		ids[i] = fmt.Sprintf("c%d", d.orders)
	}
	began := time.Now()
	for i, id := range ids {
		operations[i] = d.dev.API.Create(id, harness.Wish(id, d.blueprint+"/revisions/1.0.0"))
	}
	var passed time.Time
	for i, id := range ids {
		d.dev.API.AwaitActive(id, within)
		if at := d.smoked(operations[i]); at.After(passed) {
			passed = at
		}
		look(id)
	}
	d.remove(ids)
	return passed.Sub(began)
}

// smoked is when the last smoke check passed.
func (d *desk) smoked(operation string) time.Time {
	d.t.Helper()
	_, meta, err := d.dev.API.Operation(operation)
	if err != nil {
		d.t.Fatal(err)
	}
	var last time.Time
	for _, s := range meta.GetSteps() {
		if end := s.GetEndTime().AsTime(); strings.HasPrefix(s.GetId(), "smoke.") && s.GetState() == typev1.Step_DONE && end.After(last) {
			last = end
		}
	}
	if last.IsZero() {
		d.t.Fatalf("%s passed no smoke check: %v", operation, meta)
	}
	return last
}

// remove purges customers, so that the next ones have the machine as these had.
func (d *desk) remove(ids []string) {
	d.t.Helper()
	for _, id := range ids {
		d.dev.API.Insist(http.MethodDelete, "/v1/tenants/"+id, nil)
	}
	for _, id := range ids {
		d.dev.API.AwaitState(id, registryv1.Tenant_DELETED, within)
		d.purged++
		d.dev.API.Insist(http.MethodPost, "/v1/tenants/"+id+":purge", &registryv1.PurgeTenantRequest{ConfirmCount: d.purged})
		testkit.Eventually(d.t, within, func() error { return d.dev.API.Gone(id) })
	}
}

// postgresOf is where a stamp has PostgreSQL's programs from; empty without.
func postgresOf(s *provisionerv1.Stamp) string {
	for _, e := range s.GetLedger() {
		var site struct {
			Site struct {
				Artifacts map[string]struct{ Dir string }
			}
		}
		if json.Unmarshal([]byte(e.GetRendered()), &site) == nil && site.Site.Artifacts["postgres"].Dir != "" {
			return site.Site.Artifacts["postgres"].Dir
		}
	}
	return ""
}
