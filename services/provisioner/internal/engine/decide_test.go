package engine

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

const rev1, rev2 = "blueprints/desk/revisions/1.0.0", "blueprints/desk/revisions/1.1.0"

// desk is a product with a database, a queue, an app that needs both, a worker
// without a probe, and an edge.
func desk() Wish {
	return Wish{
		Generation: 1, Lifecycle: pb.Stamp_RUNNING, Revision: rev1, Site: `{"v":1}`, Secrets: []string{"pw"}, Open: true,
		Parts: []Part{
			{Name: "db", Setup: true, Probed: true, Rendered: `{"db":1}`},
			{Name: "queue", Probed: true, Rendered: `{"queue":1}`},
			{Name: "app", DependsOn: []string{"db", "queue"}, Migrate: true, Probed: true, Rendered: `{"app":1}`},
			{Name: "worker", DependsOn: []string{"app"}, Rendered: `{"worker":1}`},
			{Name: "edge", DependsOn: []string{"app"}, Probed: true, Rendered: `{"edge":1}`, Closed: `{"edge":"closed"}`},
		},
		Checks: []Check{{ID: "smoke.1", Public: true}, {ID: "smoke.2"}}, Endpoint: "edge",
	}
}

// world is a stamp as it is, for tests: ending a step changes it as the run
// does.
type world struct {
	wish Wish
	have *Stamp
	seen Seen
	// source is the revision of the backup that is brought back.
	source string
}

func newWorld() *world {
	return &world{wish: desk(), seen: NewSeen(), have: &Stamp{SecretVersions: map[string]int32{}, JobsDone: map[string]string{}}}
}

// end makes a step's end visible.
func (w *world) end(s Step) {
	switch s.Action {
	case Reserve:
		w.put(kindSite, kindSite, fmt.Sprintf(`{"request":%s}`, w.wish.Site))
		w.seen.Exists, w.seen.Unsound = true, false
	case Secrets:
		w.have.SecretVersions["pw"] = 1
	case Setup:
		w.have.JobsDone[s.ID] = "once"
	case Migrate:
		w.have.JobsDone[s.ID] = w.wish.Revision
	case Backup:
		w.have.JobsDone[s.ID] = w.wish.Backup.ID
	case Restore:
		if s.ID == finishID {
			w.have.Restored = w.wish.Restore.Key
			delete(w.have.JobsDone, "app.migrate")
			if w.source != "" {
				w.have.JobsDone["app.migrate"] = w.source
			}
			break
		}
		w.have.JobsDone[s.ID] = w.wish.Restore.Key
	case Rotate:
		w.have.JobsDone[s.ID] = w.wish.Rotate.Key
		for i, p := range w.wish.Parts {
			if s.ID == useID && (p.Name == "app" || p.Name == "worker") {
				w.wish.Parts[i].Rendered = fmt.Sprintf(`{%q:"another version"}`, p.Name)
			}
		}
	case Task:
		w.have.JobsDone[s.ID] = w.wish.Task.Key
	case Open:
		w.have.Closed, w.seen.Opened = false, true
		fallthrough
	case Start:
		part, _ := w.wish.part(s.Component)
		if form := w.wish.form(part, w.have); form != "" && !w.wish.revives(s.Component, w.have) {
			w.put(kindComponent, s.Component, form)
		}
		w.component(s.Component).Wanted = true
		if part.Name != "" {
			w.component(s.Component).DependsOn = part.DependsOn
		}
		w.seen.Running[s.Component], w.seen.Started[s.Component] = true, true
		delete(w.seen.Ready, s.Component)
	case Ready:
		w.seen.Ready[s.Component] = true
	case Close:
		w.have.Closed = true
		fallthrough
	case Stop:
		w.component(s.Component).Wanted = false
		w.seen.Running[s.Component] = false
		delete(w.seen.Stale, s.Component)
		if w.wish.restartDue(s.Component, w.have) {
			w.have.JobsDone[restartID(s.Component)] = w.wish.Restart.Key
		}
		entry(w.have, kindComponent, s.Component).State = pb.LedgerEntry_PRESENT
	case Remove:
		w.seen.Running[s.Component] = false
		w.have.Ledger = slices.DeleteFunc(w.have.Ledger, func(e *pb.LedgerEntry) bool { return e.Name == s.Component })
	case Smoke:
		w.seen.Passed[s.ID] = true
	case Report:
		w.seen.Reported = true
		w.have.DoneGeneration, w.have.Lifecycle, w.have.Revision = w.wish.Generation, w.wish.Lifecycle, w.wish.Revision
	case Destroy:
		w.have.Ledger, w.have.Components, w.seen.Exists = nil, nil, false
		clear(w.seen.Running)
	}
}

func (w *world) put(kind, name, rendered string) {
	e := entry(w.have, kind, name)
	if e == nil {
		e = &pb.LedgerEntry{Kind: kind, Name: name}
		w.have.Ledger = append(w.have.Ledger, e)
	}
	e.State, e.Rendered = pb.LedgerEntry_PRESENT, rendered
}

func (w *world) component(name string) *pb.ComponentStatus {
	c := status(w.have, name)
	if c == nil {
		c = &pb.ComponentStatus{Name: name}
		w.have.Components = append(w.have.Components, c)
	}
	return c
}

// converge ends steps until nothing is missing, and tells the order in which
// each wave began.
func (w *world) converge(t *testing.T) string {
	t.Helper()
	var waves []string
	for range 50 {
		tr := Decide(w.wish, w.have, w.seen)
		if tr.Done() {
			return strings.Join(waves, " | ")
		}
		var ids []string
		for _, s := range tr.Begin {
			ids = append(ids, s.ID)
			w.end(s)
		}
		waves = append(waves, strings.Join(ids, " "))
	}
	t.Fatalf("does not converge: %s", strings.Join(waves, " | "))
	return ""
}

// settle gives a world in which desk is up and a run of it is over.
func settle(t *testing.T) *world {
	w := newWorld()
	w.converge(t)
	w.newRun()
	w.wish.Open = false
	return w
}

// suspended gives a world in which desk is stopped and a run of that is over.
func suspended(t *testing.T) *world {
	w := settle(t)
	w.wish.Generation, w.wish.Lifecycle, w.wish.Open = 2, pb.Stamp_STOPPED, true
	w.converge(t)
	w.newRun()
	w.wish.Lifecycle = pb.Stamp_RUNNING
	return w
}

// newRun forgets what a run found out, as after its end or a crash.
func (w *world) newRun() {
	seen := NewSeen()
	seen.Exists, seen.Running = w.seen.Exists, w.seen.Running
	w.seen = seen
}

// upgrade wishes for the next revision with other renderings of these.
func (w *world) upgrade(changed ...string) {
	w.wish.Generation, w.wish.Revision, w.wish.Open = w.wish.Generation+1, rev2, true
	for i, p := range w.wish.Parts {
		if slices.Contains(changed, p.Name) {
			w.wish.Parts[i].Rendered = fmt.Sprintf("{%q:2}", p.Name)
		}
	}
}

// backup wishes for one of these components.
func (w *world) backup(components ...string) {
	w.wish.Backup = &BackupWish{ID: fmt.Sprintf("backup-%d", w.wish.Generation), Components: components}
}

// bringBack wishes for the data of these components: of a revision on the way
// back to it, else empty.
func (w *world) bringBack(revision string, components ...string) {
	w.wish.Restore, w.source = &RestoreWish{Key: "operations/desk.restore-1", Components: components, Stopped: map[string]bool{}}, revision
}

// broken gives a world whose upgrade has made its backup and begun to migrate,
// and that is to go back.
func broken(t *testing.T) *world {
	w := settle(t)
	w.upgrade("app")
	w.backup("db")
	for range 20 {
		tr := Decide(w.wish, w.have, w.seen)
		for _, s := range tr.Begin {
			if s.Action == Migrate {
				w.newRun()
				w.wish.Revision, w.wish.Backup = rev1, nil
				w.wish.Parts[2].Rendered = `{"app":1}`
				w.bringBack(rev1, "db")
				return w
			}
			w.end(s)
		}
	}
	t.Fatal("does not migrate")
	return nil
}

// TestDecide is the specification: for each situation, the waves of steps that
// lead to what is wished, when every step of a wave ends before the next.
func TestDecide(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		from func(t *testing.T) *world
		want string
	}{
		{
			"a new stamp: site and secrets, db and queue side by side, the app after both, smoke last through the customer's URL",
			func(*testing.T) *world { return newWorld() },
			"site.reserve secrets.make | db.setup queue.start | db.start queue.ready | db.ready | app.migrate | app.start | app.ready | " +
				"worker.start edge.start | worker.ready edge.ready | smoke.2 | smoke.1 | report",
		},
		{
			"nothing changed: nothing to do",
			settle, "",
		},
		{
			"a component died: it alone comes back, and the stamp is verified",
			func(t *testing.T) *world { w := settle(t); w.seen.Running["queue"] = false; return w },
			"queue.start | queue.ready | smoke.2 | smoke.1",
		},
		{
			"the ledger says planned: a crash came before the effect was seen",
			func(t *testing.T) *world {
				w := settle(t)
				entry(w.have, kindComponent, "queue").State = pb.LedgerEntry_PLANNED
				return w
			},
			"queue.start | queue.ready | smoke.2 | smoke.1",
		},
		{
			"the cell lost the stamp: the same site is reserved again and all is started, no job again",
			func(t *testing.T) *world { w := settle(t); w.seen = NewSeen(); return w },
			"site.reserve | db.start queue.start | db.ready queue.ready | app.start | app.ready | worker.start edge.start | worker.ready edge.ready | smoke.2 | smoke.1",
		},
		{
			"something else runs than the ledger says, or its files were changed: it alone is stopped and started, and the stamp is verified",
			func(t *testing.T) *world { w := settle(t); w.seen.Stale["app"] = true; return w },
			"app.stop | app.start | app.ready | smoke.2 | smoke.1",
		},
		{
			"a directory is gone: it is made before what uses it starts",
			func(t *testing.T) *world {
				w := settle(t)
				w.seen.Stale["queue"], w.seen.Unsound = true, true
				return w
			},
			"site.reserve | queue.stop | queue.start | queue.ready | smoke.2 | smoke.1",
		},
		{
			"what the cell keeps was changed, and nothing that runs: no component is touched",
			func(t *testing.T) *world { w := settle(t); w.seen.Unsound = true; return w },
			"site.reserve",
		},
		{
			"differences are only to be shown: nothing is done",
			func(t *testing.T) *world {
				w := settle(t)
				w.wish.ShowOnly = true
				w.seen.Stale["app"], w.seen.Unsound, w.seen.Running["queue"] = true, true, false
				return w
			},
			"",
		},
		{
			"differences are only to be shown, and something new is wished for: that is brought about",
			func(t *testing.T) *world {
				w := settle(t)
				w.wish.ShowOnly, w.wish.Generation, w.wish.Open = true, 2, true
				w.wish.Parts[4].Rendered = `{"edge":2}`
				return w
			},
			"db.ready queue.ready | app.ready | worker.ready edge.start | edge.ready | smoke.2 | smoke.1 | report",
		},
		{
			"a component was changed by hand, and a new revision is wished for: it is stopped once",
			func(t *testing.T) *world { w := settle(t); w.upgrade("app"); w.seen.Stale["app"] = true; return w },
			"endpoint.close worker.stop | app.stop | db.ready queue.ready | app.migrate | app.start | app.ready | " +
				"worker.start edge.start | worker.ready edge.ready | smoke.2 | smoke.1 | endpoint.open | edge.ready | smoke.customer | report",
		},
		{
			"a new generation that renders the same: looked at, nothing started",
			func(t *testing.T) *world { w := settle(t); w.wish.Generation, w.wish.Open = 2, true; return w },
			"db.ready queue.ready | app.ready | worker.ready edge.ready | smoke.2 | smoke.1 | report",
		},
		{
			"one changed field: only that component is started again",
			func(t *testing.T) *world {
				w := settle(t)
				w.wish.Generation, w.wish.Open = 2, true
				w.wish.Parts[4].Rendered = `{"edge":2}`
				return w
			},
			"db.ready queue.ready | app.ready | worker.ready edge.start | edge.ready | smoke.2 | smoke.1 | report",
		},
		{
			"a new revision: what needs the app stops first, edge and worker before it, then migrate",
			func(t *testing.T) *world { w := settle(t); w.upgrade("app"); return w },
			"endpoint.close worker.stop | app.stop | db.ready queue.ready | app.migrate | app.start | app.ready | " +
				"worker.start edge.start | worker.ready edge.ready | smoke.2 | smoke.1 | endpoint.open | edge.ready | smoke.customer | report",
		},
		{
			"a component left the recipe: it ends before anything of the new one happens, and is removed when that serves",
			func(t *testing.T) *world {
				w := settle(t)
				w.upgrade()
				w.wish.Parts = append(w.wish.Parts[:3:3], w.wish.Parts[4])
				return w
			},
			"worker.stop | endpoint.close | app.stop | db.ready queue.ready | app.migrate | app.start | app.ready | edge.start | edge.ready | " +
				"smoke.2 | smoke.1 | endpoint.open | edge.ready | smoke.customer | worker.remove | report",
		},
		{
			"a new revision with a backup: customers are out before it is made, and in when all is seen to work",
			func(t *testing.T) *world { w := settle(t); w.upgrade("app"); w.backup("db"); return w },
			"endpoint.close worker.stop | app.stop | backup.prepare | db.backup | backup.keep | db.ready queue.ready | app.migrate | app.start | app.ready | " +
				"worker.start edge.start | worker.ready edge.ready | smoke.2 | smoke.1 | endpoint.open | edge.ready | smoke.customer | report",
		},
		{
			"back to the old revision after its successor's migration began: data first, without the app",
			broken,
			"restore.fetch db.ready queue.ready | db.restore | restore.finish | app.start | app.ready | worker.start edge.start | worker.ready edge.ready | " +
				"smoke.2 | smoke.1 | endpoint.open | edge.ready | smoke.customer | report",
		},
		{
			"data is brought back: a backup of what is there first, customers out meanwhile, nothing else touched",
			func(t *testing.T) *world {
				w := settle(t)
				w.backup("db")
				w.bringBack("", "db")
				return w
			},
			"endpoint.close worker.stop | app.stop | backup.prepare | db.backup | backup.keep | restore.fetch db.ready | db.restore | restore.finish | app.migrate | " +
				"app.start | app.ready | worker.start edge.start | worker.ready edge.ready | smoke.2 | smoke.1 | endpoint.open | edge.ready | smoke.customer",
		},
		{
			"data is brought back: it is seen to be whole before anything is touched",
			func(t *testing.T) *world {
				w := settle(t)
				w.backup("db")
				w.bringBack("", "db")
				w.wish.Restore.Check = true
				return w
			},
			"restore.check | endpoint.close worker.stop | app.stop | backup.prepare | db.backup | backup.keep | restore.fetch db.ready | db.restore | restore.finish | app.migrate | " +
				"app.start | app.ready | worker.start edge.start | worker.ready edge.ready | smoke.2 | smoke.1 | endpoint.open | edge.ready | smoke.customer",
		},
		{
			"data is brought back without a backup before: it migrates, as all data that comes from elsewhere",
			func(t *testing.T) *world {
				w := settle(t)
				w.bringBack("", "db")
				return w
			},
			"endpoint.close worker.stop | app.stop | restore.fetch db.ready | db.restore | restore.finish | app.migrate | app.start | app.ready | " +
				"worker.start edge.start | worker.ready edge.ready | smoke.2 | smoke.1 | endpoint.open | edge.ready | smoke.customer",
		},
		{
			"a new stamp with another's data: that is seen to be whole, roles and databases are made, then the data, then its own inputs are migrated in",
			func(*testing.T) *world {
				w := newWorld()
				w.bringBack("", "db")
				w.wish.Restore.Check = true
				return w
			},
			"restore.check | site.reserve secrets.make | restore.fetch db.setup queue.start | db.start queue.ready | db.ready | app.migrate | db.restore | restore.finish | app.migrate | " +
				"app.start | app.ready | worker.start edge.start | worker.ready edge.ready | smoke.2 | smoke.1 | report",
		},
		{
			"files that the app has open are replaced while it is stopped",
			func(t *testing.T) *world {
				w := settle(t)
				w.bringBack("", "app")
				w.wish.Restore.Stopped["app"] = true
				return w
			},
			"endpoint.close worker.stop | app.stop | restore.fetch | app.restore | restore.finish | app.migrate | app.start | app.ready | worker.start edge.start | " +
				"worker.ready edge.ready | smoke.2 | smoke.1 | endpoint.open | edge.ready | smoke.customer",
		},
		{
			"a backup that a person asked for: everything goes on meanwhile",
			func(t *testing.T) *world { w := settle(t); w.backup("db"); w.wish.Backup.Hot = true; return w },
			"backup.prepare | db.backup | backup.keep",
		},
		{
			"a new value of a secret: the job installs it, then what uses it is restarted, and the old one forgotten",
			func(t *testing.T) *world {
				w := settle(t)
				w.wish.Rotate = &RotateWish{Key: "operations/desk.rotate-1", Secret: "pw", Job: "app"}
				return w
			},
			"secrets.renew | app.rotate | secrets.use | db.ready queue.ready | app.start | app.ready | worker.start edge.ready | worker.ready smoke.2 | smoke.1 | secrets.retire",
		},
		{
			"a repair: those who use others first, then in the order of dependencies",
			func(t *testing.T) *world {
				w := settle(t)
				w.wish.Restart = &RestartWish{Key: "operations/desk.repair-1", Components: map[string]bool{"db": true, "app": true}}
				return w
			},
			"app.stop | db.stop | db.start | db.ready | app.start | app.ready | smoke.2 | smoke.1",
		},
		{
			"a task runs alone, whatever is missing",
			func(*testing.T) *world {
				w := newWorld()
				w.wish.Open = false
				w.wish.Task = &TaskWish{Key: "operations/desk.task-1", Component: "app"}
				return w
			},
			"task.run",
		},
		{
			"deleted: a last backup between those who write and what is backed up",
			func(t *testing.T) *world {
				w := settle(t)
				w.wish.Generation, w.wish.Lifecycle, w.wish.Open = 2, pb.Stamp_STOPPED, true
				w.backup("db")
				return w
			},
			"worker.stop edge.stop | app.stop | queue.stop | backup.prepare | db.backup | backup.keep | db.stop | report",
		},
		{
			"deleted while suspended: what is backed up is started for it, and no more",
			func(t *testing.T) *world {
				w := settle(t)
				w.wish.Generation, w.wish.Lifecycle, w.wish.Open = 2, pb.Stamp_STOPPED, true
				w.converge(t)
				w.newRun()
				w.wish.Generation = 3
				w.backup("db")
				return w
			},
			"db.start | db.ready | backup.prepare | db.backup | backup.keep | db.stop | report",
		},
		{
			"suspend: in reverse order, data kept",
			func(t *testing.T) *world {
				w := settle(t)
				w.wish.Generation, w.wish.Lifecycle, w.wish.Open = 2, pb.Stamp_STOPPED, true
				return w
			},
			"worker.stop edge.stop | app.stop | queue.stop db.stop | report",
		},
		{
			"resume: no job again",
			func(t *testing.T) *world {
				w := settle(t)
				w.wish.Generation, w.wish.Lifecycle, w.wish.Open = 2, pb.Stamp_STOPPED, true
				w.converge(t)
				w.newRun()
				w.wish.Generation, w.wish.Lifecycle = 3, pb.Stamp_RUNNING
				return w
			},
			"db.start queue.start | db.ready queue.ready | app.start | app.ready | worker.start edge.start | worker.ready edge.ready | smoke.2 | smoke.1 | report",
		},
		{
			"resume to a new revision: what is backed up before is started for it as it was, nothing that writes",
			func(t *testing.T) *world { w := suspended(t); w.upgrade("app", "db"); w.backup("db"); return w },
			"endpoint.close db.start | db.ready | backup.prepare | db.backup | backup.keep | db.start queue.start | db.ready queue.ready | app.migrate | app.start | " +
				"app.ready | worker.start edge.start | worker.ready edge.ready | smoke.2 | smoke.1 | endpoint.open | edge.ready | smoke.customer | report",
		},
		{
			"the same, when what migrates is backed up: it runs for the backup and not for the migration",
			func(t *testing.T) *world { w := suspended(t); w.upgrade("app"); w.backup("app"); return w },
			"endpoint.close queue.start db.start | queue.ready db.ready | app.start | app.ready | backup.prepare | app.backup | backup.keep | app.stop | app.migrate | " +
				"app.start | app.ready | worker.start edge.start | worker.ready edge.ready | smoke.2 | smoke.1 | endpoint.open | edge.ready | smoke.customer | report",
		},
		{
			"the same, when what is backed up left the recipe: it stays down",
			func(t *testing.T) *world {
				w := suspended(t)
				w.upgrade("app")
				w.backup("worker")
				w.wish.Parts = append(w.wish.Parts[:3:3], w.wish.Parts[4])
				return w
			},
			"endpoint.close queue.start db.start | queue.ready db.ready | app.start | app.ready | backup.prepare | worker.backup | backup.keep | app.stop | app.migrate | " +
				"app.start | app.ready | edge.start | edge.ready | smoke.2 | smoke.1 | endpoint.open | edge.ready | smoke.customer | worker.remove | report",
		},
		{
			"the same after a crash: what was started for the backup is seen to answer first",
			func(t *testing.T) *world {
				w := suspended(t)
				w.upgrade("app")
				w.backup("db")
				w.end(Step{ID: "db.start", Component: "db", Action: Start})
				w.newRun()
				return w
			},
			"endpoint.close db.ready | backup.prepare | db.backup | backup.keep | queue.start | queue.ready | app.migrate | app.start | " +
				"app.ready | worker.start edge.start | worker.ready edge.ready | smoke.2 | smoke.1 | endpoint.open | edge.ready | smoke.customer | report",
		},
		{
			"an upgrade without an endpoint: nothing of the new revision begins before the backup is kept",
			func(t *testing.T) *world {
				w := settle(t)
				w.wish.Endpoint, w.wish.Checks = "", nil
				w.upgrade("app", "queue")
				w.backup("db")
				return w
			},
			"worker.stop edge.stop | app.stop | backup.prepare | db.backup | backup.keep | db.ready queue.start | queue.ready | app.migrate | app.start | " +
				"app.ready | worker.start edge.start | worker.ready edge.ready | report",
		},
		{
			"purge: everything goes",
			func(t *testing.T) *world {
				w := settle(t)
				w.wish.Generation, w.wish.Lifecycle, w.wish.Open = 3, pb.Stamp_DESTROYED, true
				return w
			},
			"site.destroy | report",
		},
		{
			"purge of what was never made: only reported",
			func(*testing.T) *world { w := newWorld(); w.wish.Lifecycle = pb.Stamp_DESTROYED; return w },
			"report",
		},
		{
			"suspended before it was made: only reported",
			func(*testing.T) *world { w := newWorld(); w.wish.Lifecycle = pb.Stamp_STOPPED; return w },
			"report",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.from(t).converge(t); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestDecideBeginsNothingTwice(t *testing.T) {
	w := newWorld()
	for _, s := range Decide(w.wish, w.have, w.seen).Begin {
		w.seen.InFlight[s.ID] = true
	}
	if tr := Decide(w.wish, w.have, w.seen); len(tr.Begin) != 0 || tr.Done() {
		t.Errorf("begins %v, done %v while all runs", tr.Begin, tr.Done())
	}
}

// TestDecideConvergesFromAnyCrash ends steps one by one in random order, and
// forgets now and then what a run knew; whatever the order, all ends as
// wished, no step begins before one that it needs, and no job runs twice.
func TestDecideConvergesFromAnyCrash(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		w, ran := newWorld(), map[string]int{}
		for n := 0; ; n++ {
			tr := Decide(w.wish, w.have, w.seen)
			if tr.Done() {
				break
			}
			if n > 500 || len(tr.Begin) == 0 {
				t.Fatalf("seed %d: stuck at %v", seed, tr.Plan)
			}
			s := tr.Begin[rnd.IntN(len(tr.Begin))]
			checkOrder(t, w, s)
			w.end(s)
			ran[s.ID]++
			if n < 100 && rnd.IntN(4) == 0 {
				w.newRun()
			}
		}
		for _, job := range []string{"db.setup", "app.migrate", "site.reserve", "secrets.make", "app.start"} {
			if ran[job] != 1 {
				t.Fatalf("seed %d: %s ran %d times: %v", seed, job, ran[job], slices.Sorted(maps.Keys(ran)))
			}
		}
	}
}

// TestDecideUpgradesFromAnyCrash is the same for an upgrade with a backup: the
// backup is made once, with nobody writing, before anything migrates, and the
// endpoint is never open to customers between the two.
func TestDecideUpgradesFromAnyCrash(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		w, ran := settle(t), map[string]int{}
		w.upgrade("app", "edge")
		w.backup("db")
		for n := 0; ; n++ {
			tr := Decide(w.wish, w.have, w.seen)
			if tr.Done() {
				break
			}
			if n > 500 || len(tr.Begin) == 0 {
				t.Fatalf("seed %d: stuck at %v", seed, tr.Plan)
			}
			s := tr.Begin[rnd.IntN(len(tr.Begin))]
			checkUpgrade(t, w, s)
			w.end(s)
			ran[s.ID]++
			if n < 100 && rnd.IntN(4) == 0 {
				w.newRun()
			}
		}
		for _, once := range []string{"backup.prepare", "db.backup", "backup.keep", "app.migrate", "endpoint.close"} {
			if ran[once] != 1 {
				t.Fatalf("seed %d: %s ran %d times: %v", seed, once, ran[once], ran)
			}
		}
		if w.have.Closed || ran["db.stop"] != 0 || ran["queue.stop"] != 0 {
			t.Fatalf("seed %d: closed %v, %v", seed, w.have.Closed, ran)
		}
	}
}

func checkUpgrade(t *testing.T, w *world, s Step) {
	t.Helper()
	switch s.Action {
	case Backup, Migrate:
		for _, c := range []string{"app", "worker", "edge"} {
			if w.seen.Running[c] {
				t.Fatalf("%s while %s runs", s.ID, c)
			}
		}
		if !w.have.Closed || s.Action == Migrate && w.have.JobsDone[keepID] == "" {
			t.Fatalf("%s with the endpoint closed: %v, backup %q", s.ID, w.have.Closed, w.have.JobsDone[keepID])
		}
	case Start:
		if s.Component == "edge" && !w.have.Closed && w.have.JobsDone["app.migrate"] != rev2 {
			t.Fatal("customers are let in before the migration")
		}
	case Open:
		if !w.seen.Passed["smoke.1"] || !w.seen.Passed["smoke.2"] {
			t.Fatal("opened before all was seen to work")
		}
	}
}

func checkOrder(t *testing.T, w *world, s Step) {
	t.Helper()
	switch s.ID {
	case "app.migrate", "app.start":
		if !w.seen.Ready["db"] || !w.seen.Ready["queue"] {
			t.Fatalf("%s before db and queue are ready", s.ID)
		}
	case "edge.start", "worker.start":
		if w.have.JobsDone["app.migrate"] == "" || !w.seen.Ready["app"] {
			t.Fatalf("%s before app is ready", s.ID)
		}
	case "smoke.1":
		if !w.seen.Passed["smoke.2"] || !w.seen.Ready["edge"] {
			t.Fatal("the customer's URL is asked before all else")
		}
	}
}
