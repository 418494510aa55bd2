package engine

import (
	"fmt"
	"strings"
	"testing"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/driver"
)

// looked is what the driver would say of a world in which nothing differs.
func (w *world) looked() driver.Observation {
	o := driver.Observation{Exists: true, Components: map[string]driver.ComponentObservation{}}
	for _, c := range w.have.GetComponents() {
		c.Digest = "as wished"
		o.Components[c.GetName()] = driver.ComponentObservation{Running: true, Digest: "as wished"}
	}
	return o
}

func TestDrifts(t *testing.T) {
	set := func(name string, change func(c *driver.ComponentObservation)) func(*world, *driver.Observation) {
		return func(_ *world, o *driver.Observation) {
			c := o.Components[name]
			change(&c)
			o.Components[name] = c
		}
	}
	for _, c := range []struct {
		name   string
		change func(w *world, o *driver.Observation)
		want   string
	}{
		{"nothing", func(*world, *driver.Observation) {}, ""},
		{"a process ended", set("app", func(c *driver.ComponentObservation) { c.Running, c.LastExit = false, "signal: killed" }), "app NOT_RUNNING It is meant to run and does not: signal: killed."},
		{"another definition runs", set("db", func(c *driver.ComponentObservation) { c.Digest = "other" }), "db CHANGED What runs is not what the ledger says."},
		{"files", set("app", func(c *driver.ComponentObservation) { c.ChangedFiles = []string{"a.conf", "b.conf"} }), "app FILE_CHANGED Changed or removed by hand: a.conf, b.conf."},
		{"a directory", set("app", func(c *driver.ComponentObservation) { c.Missing = []string{"tmp"} }), "app MISSING Gone: tmp."},
		{"a volume", func(_ *world, o *driver.Observation) { o.Lost = []string{"db.data"} }, "db MISSING The volume data is gone, with what was in it."},
		{"the firewall", func(_ *world, o *driver.Observation) { o.Missing = []string{"firewall rules"} }, " MISSING Gone: firewall rules."},
		{"the manifest", func(_ *world, o *driver.Observation) { o.Edited = true }, " CHANGED What the cell keeps of the stamp was changed by hand."},
		{"all of it", func(_ *world, o *driver.Observation) { *o = driver.Observation{} }, " MISSING Nothing of the stamp is in its cell."},
		{"started by an older Stampworks: no label to compare with", func(w *world, o *driver.Observation) {
			status(w.have, "db").Digest = ""
			o.Components["db"] = driver.ComponentObservation{Running: true, Digest: "other"}
		}, ""},
		{"a step is under way: it is not known", func(w *world, o *driver.Observation) {
			entry(w.have, kindComponent, "db").State = pb.LedgerEntry_PLANNED
			o.Components["db"] = driver.ComponentObservation{}
		}, ""},
		{"suspended, and runs", func(w *world, _ *driver.Observation) {
			w.wish.Lifecycle = pb.Stamp_STOPPED
			status(w.have, "db").Wanted = false
		}, "db CHANGED It runs and is meant to be stopped."},
		{"never served", func(w *world, o *driver.Observation) { w.have.Revision = ""; *o = driver.Observation{} }, ""},
		{"being purged", func(w *world, o *driver.Observation) {
			w.wish.Lifecycle = pb.Stamp_DESTROYED
			*o = driver.Observation{}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := settle(t)
			o := w.looked()
			c.change(w, &o)
			var said []string
			for _, d := range Drifts(w.wish, w.have, o) {
				said = append(said, fmt.Sprintf("%s %s %s", d.GetComponent(), d.GetKind(), d.GetMessage()))
			}
			if got := strings.Join(said, " | "); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestLooksAtRestCostNothing: ten thousand of them are looked at all the time.
func TestLooksAtRestCostNothing(t *testing.T) {
	w := settle(t)
	o := w.looked()
	if n := testing.AllocsPerRun(100, func() { Drifts(w.wish, w.have, o) }); n > 0 {
		t.Errorf("a look at which nothing differs allocates %v times", n)
	}
}
