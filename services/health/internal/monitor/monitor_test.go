package monitor

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/health/internal/probe"
)

const (
	healthy      = typev1.HealthState_HEALTHY
	unhealthy    = typev1.HealthState_UNHEALTHY
	unknown      = typev1.HealthState_UNKNOWN
	stoppedState = typev1.HealthState_NOT_RUNNING
)

var errAway = errors.New("the provisioner is away")

// world answers for components: well, badly, or not at all.
type world struct {
	mu    sync.Mutex
	bad   map[string]bool
	away  bool
	asked map[string]int
}

func (w *world) Check(_ context.Context, tenant, component string) (bool, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[tenant+"."+component]++
	if w.away {
		return false, "", errAway
	}
	return !w.bad[component], "exit 1", nil
}

func (w *world) set(change func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *world) count(of string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[of]
}

// notes are the States of a test.
type notes struct {
	mu     sync.Mutex
	uids   map[string]string
	states map[string]*healthv1.TenantHealth
	saves  int
	signs  int
	broken bool
}

func newNotes() *notes {
	return &notes{uids: map[string]string{}, states: map[string]*healthv1.TenantHealth{}}
}

func (n *notes) do(f func()) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.broken {
		return errors.New("etcd is away")
	}
	f()
	return nil
}

func (n *notes) Load(_ context.Context, tenant, uid string) (h *healthv1.TenantHealth, err error) {
	err = n.do(func() {
		if n.uids[tenant] == uid {
			h = n.states[tenant]
		}
	})
	return h, err
}

func (n *notes) Save(_ context.Context, tenant, uid string, h *healthv1.TenantHealth) error {
	return n.do(func() { n.uids[tenant], n.states[tenant], n.saves = uid, proto.CloneOf(h), n.saves+1 })
}

func (n *notes) Forget(_ context.Context, tenant string) error {
	return n.do(func() { delete(n.uids, tenant); delete(n.states, tenant) })
}

func (n *notes) Known(context.Context) (ids []string, err error) {
	err = n.do(func() { ids = slices.Collect(maps.Keys(n.states)) })
	return ids, err
}

func (n *notes) Sign(context.Context, time.Time) error { return n.do(func() { n.signs++ }) }

func (n *notes) state(tenant string) (state typev1.HealthState, there bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h, there := n.states[tenant]
	return h.GetState(), there
}

// stamp is one of db and app, asked every 5 s.
func stamp(uid string) *provisionerv1.Stamp {
	ask := func() *provisionerv1.ProbeTarget {
		return &provisionerv1.ProbeTarget{Exec: true, Every: durationpb.New(5 * time.Second)}
	}
	return &provisionerv1.Stamp{
		Name: "tenants/acme/stamp", TenantUid: uid, DisplayName: "Acme", Lifecycle: provisionerv1.Stamp_RUNNING, DoneGeneration: 1,
		Components: []*provisionerv1.ComponentStatus{
			{Name: "db", Wanted: true, Probe: ask()},
			{Name: "app", Wanted: true, DependsOn: []string{"db"}, Probe: ask()},
			{Name: "off"},
		},
	}
}

// scene is a monitor that runs in a bubble of its own time.
type scene struct {
	*Monitor
	ctx   context.Context
	world *world
	notes *notes
}

func play(t *testing.T, n *notes, act func(t *testing.T, s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{bad: map[string]bool{}, asked: map[string]int{}}
		ctx, cancel := context.WithCancel(t.Context())
		s := &scene{New(probe.New(w), n, slog.New(slog.DiscardHandler)), ctx, w, n}
		var running sync.WaitGroup
		running.Go(func() { _ = s.Run(ctx) })
		act(t, s)
		cancel()
		running.Wait() // whatever a monitor leaves behind fails the bubble
	})
}

func (s *scene) want(t *testing.T, state typev1.HealthState, why string) {
	t.Helper()
	if got := s.Health("acme"); got.GetState() != state {
		t.Errorf("%s: got %v (%s), want %v", why, got.GetState(), got.GetSummary(), state)
	}
}

// told checks how the sentence begins, and whether the customer is meant to be
// served.
func (s *scene) told(t *testing.T, sentence string, wanted bool) {
	t.Helper()
	synctest.Wait()
	if got := s.Health("acme"); !strings.HasPrefix(got.GetSummary(), sentence) || got.GetWanted() != wanted {
		t.Errorf("got %q, wanted %v; want %q, %v", got.GetSummary(), got.GetWanted(), sentence, wanted)
	}
}

func (s *scene) wantCheck(t *testing.T, name string, state typev1.HealthState) {
	t.Helper()
	for _, c := range s.Health("acme").GetComponents() {
		if c.GetName() == name {
			if c.GetState() != state {
				t.Errorf("%s is %v, want %v", name, c.GetState(), state)
			}
			return
		}
	}
	t.Errorf("%s is not watched", name)
}

func TestAnOutage(t *testing.T) {
	play(t, newNotes(), func(t *testing.T, s *scene) {
		s.Put(s.ctx, "acme", stamp("u1"))
		s.want(t, unknown, "before any answer")
		time.Sleep(2 * time.Second)
		s.want(t, healthy, "after the first answers")
		s.world.set(func(w *world) { w.bad["db"] = true })
		time.Sleep(12 * time.Second)
		s.want(t, unhealthy, "after three bad answers")
		if h := s.Health("acme"); h.GetRootComponent() != "db" || h.GetSummary() != "Acme is down: db does not answer (exit 1)." {
			t.Errorf("got %v", h)
		}
		synctest.Wait()
		if got, _ := s.notes.state("acme"); got != unhealthy {
			t.Errorf("what is remembered is %v", got)
		}
		s.world.set(func(w *world) { w.bad["db"] = false })
		time.Sleep(3 * time.Second)
		s.want(t, healthy, "after two good answers")
		if s.world.count("acme.off") > 0 {
			t.Error("a component that is not wanted was asked")
		}
	})
}

func TestOnlyChangesAreWritten(t *testing.T) {
	play(t, newNotes(), func(t *testing.T, s *scene) {
		s.Put(s.ctx, "acme", stamp("u1"))
		s.Keep(map[string]bool{"acme": true})
		time.Sleep(time.Hour)
		synctest.Wait()
		if s.notes.saves > 4 {
			t.Errorf("%d writes in an hour in which nothing happened", s.notes.saves)
		}
		if s.notes.signs < 300 || s.notes.signs > 400 {
			t.Errorf("%d signs of life in an hour, want one every 10 s", s.notes.signs)
		}
	})
}

func TestNoSignOfLifeBeforeAllIsListed(t *testing.T) {
	play(t, newNotes(), func(t *testing.T, s *scene) {
		s.Put(s.ctx, "acme", stamp("u1"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if s.notes.signs > 0 {
			t.Error("others were told that all is known")
		}
	})
}

func TestNoAnswerIsUnknownNeverUnhealthy(t *testing.T) {
	play(t, newNotes(), func(t *testing.T, s *scene) {
		s.Put(s.ctx, "acme", stamp("u1"))
		time.Sleep(10 * time.Second)
		s.world.set(func(w *world) { w.away = true })
		time.Sleep(40 * time.Second)
		s.want(t, healthy, "the provisioner is away for a moment")
		time.Sleep(time.Minute)
		s.want(t, unknown, "the provisioner is away")
		if got, _ := s.notes.state("acme"); got != unknown {
			t.Errorf("what is remembered is %v", got)
		}
		s.world.set(func(w *world) { w.away = false })
		time.Sleep(6 * time.Second)
		s.want(t, healthy, "the provisioner is back")
	})
}

// What another replica held to be so goes on until its answers are too old: a
// take-over is no change of anybody's health.
func TestTakeOverGuessesNothing(t *testing.T) {
	n := newNotes()
	play(t, n, func(t *testing.T, s *scene) {
		s.Put(s.ctx, "acme", stamp("u1"))
		time.Sleep(time.Hour)
		synctest.Wait()
	})
	play(t, n, func(t *testing.T, s *scene) {
		h := n.states["acme"]
		for _, c := range h.GetComponents() {
			c.CheckTime = timestamppb.New(time.Now().Add(-time.Hour)) // only changes are written
		}
		h.CheckTime = timestamppb.New(time.Now().Add(-20 * time.Second)) // the last sign
		s.world.set(func(w *world) { w.away = true })
		s.Put(s.ctx, "acme", stamp("u1"))
		s.want(t, healthy, "taken over")
		synctest.Wait()
		if got, _ := n.state("acme"); got != healthy {
			t.Errorf("%v was written when it was taken over", got)
		}
		time.Sleep(50 * time.Second)
		s.want(t, unknown, "nobody has had an answer for a minute")
	})
}

func TestWhatIsAskedAnewIsUnknown(t *testing.T) {
	play(t, newNotes(), func(t *testing.T, s *scene) {
		s.Put(s.ctx, "acme", stamp("u1"))
		time.Sleep(10 * time.Second)
		next := stamp("u1")
		next.Components[1].Probe.Slow = durationpb.New(time.Second)
		s.Put(s.ctx, "acme", next)
		s.wantCheck(t, "db", healthy)
		s.wantCheck(t, "app", unknown)
		time.Sleep(2 * time.Second)
		s.want(t, healthy, "after the first answer")
		asked := s.world.count("acme.db")
		again := proto.CloneOf(next)
		again.UpdateTime, again.Components[0].Restarts = nil, 3
		s.Put(s.ctx, "acme", again)
		s.want(t, healthy, "a change that asks nothing else")
		time.Sleep(time.Minute)
		if n := s.world.count("acme.db") - asked; n < 8 || n > 16 {
			t.Errorf("db was asked %d times in a minute, want about 12: the old watches must have ended", n)
		}
	})
}

func TestStoppedAndResumed(t *testing.T) {
	play(t, newNotes(), func(t *testing.T, s *scene) {
		s.Put(s.ctx, "acme", stamp("u1"))
		time.Sleep(10 * time.Second)
		stopped := stamp("u1")
		stopped.Lifecycle = provisionerv1.Stamp_STOPPED
		s.Put(s.ctx, "acme", stopped)
		s.want(t, stoppedState, "stopped")
		asked := s.world.count("acme.db")
		time.Sleep(20 * time.Second)
		if s.world.count("acme.db") != asked {
			t.Error("what is stopped is asked")
		}
		s.Put(s.ctx, "acme", stamp("u1"))
		s.want(t, unknown, "resumed, and nobody has asked yet")
		time.Sleep(2 * time.Second)
		s.want(t, healthy, "resumed")
	})
}

func TestAnotherTenantOfTheSameID(t *testing.T) {
	play(t, newNotes(), func(t *testing.T, s *scene) {
		s.world.set(func(w *world) { w.bad["db"] = true })
		s.Put(s.ctx, "acme", stamp("u1"))
		time.Sleep(20 * time.Second)
		s.want(t, unhealthy, "the first")
		s.Put(s.ctx, "acme", stamp("u2"))
		s.want(t, unknown, "the second, of which nothing is known")
		synctest.Wait()
		if s.notes.uids["acme"] != "u2" {
			t.Errorf("remembered is %v", s.notes.uids)
		}
	})
}

func TestATenantThatIsGone(t *testing.T) {
	n := newNotes()
	n.uids["ghost"], n.states["ghost"] = "u9", &healthv1.TenantHealth{State: healthy} // gone while nobody asked
	play(t, n, func(t *testing.T, s *scene) {
		s.Put(s.ctx, "acme", stamp("u1"))
		s.Put(s.ctx, "globex", stamp("u3"))
		time.Sleep(10 * time.Second)
		s.Remove("globex")
		asked := s.world.count("globex.db")
		if s.Health("globex") != nil || len(s.All()) != 1 {
			t.Error("it is still shown")
		}
		time.Sleep(time.Minute)
		if s.world.count("globex.db") != asked {
			t.Error("it is still asked")
		}
		if _, there := n.state("globex"); there {
			t.Error("it is still remembered")
		}
		if _, there := n.state("ghost"); !there {
			t.Error("a tenant was forgotten before all were listed")
		}
		s.Keep(map[string]bool{"acme": true})
		time.Sleep(2 * signEvery)
		if _, there := n.state("ghost"); there {
			t.Error("a tenant that went while nobody asked is still remembered")
		}
		s.Keep(map[string]bool{})
		if len(s.All()) != 0 {
			t.Error("a tenant that is not listed is still shown")
		}
	})
}

func TestWhatWasNotWrittenIsWrittenLater(t *testing.T) {
	n := newNotes()
	n.broken = true
	play(t, n, func(t *testing.T, s *scene) {
		s.Put(s.ctx, "acme", stamp("u1"))
		s.Keep(map[string]bool{"acme": true})
		time.Sleep(time.Minute)
		s.want(t, healthy, "etcd is away")
		n.mu.Lock()
		n.broken = false
		n.mu.Unlock()
		time.Sleep(2 * signEvery)
		synctest.Wait()
		if got, _ := n.state("acme"); got != healthy || n.signs == 0 {
			t.Errorf("remembered is %v after %d signs", got, n.signs)
		}
	})
}

func TestAnOutageIsRemembered(t *testing.T) {
	n := newNotes()
	var since time.Time
	play(t, n, func(t *testing.T, s *scene) {
		s.world.set(func(w *world) { w.bad["db"] = true })
		s.Put(s.ctx, "acme", stamp("u1"))
		time.Sleep(20 * time.Second)
		since = s.Health("acme").GetSinceTime().AsTime()
	})
	n.states["acme"].State = unhealthy
	play(t, n, func(t *testing.T, s *scene) {
		time.Sleep(30 * time.Second) // bubbles begin at the same time
		s.world.set(func(w *world) { w.bad["db"] = true })
		s.Put(s.ctx, "acme", stamp("u1"))
		s.want(t, unhealthy, "before any answer, but it was just so")
		if got := s.Health("acme").GetSinceTime().AsTime(); !got.Equal(since) {
			t.Errorf("since %v, want %v", got, since)
		}
		s.world.set(func(w *world) { w.bad["db"] = false })
		time.Sleep(5 * time.Second)
		s.want(t, healthy, "after two good answers")
	})
}

func TestACopyThatCouldNotBeMade(t *testing.T) {
	play(t, newNotes(), func(t *testing.T, s *scene) {
		put := func(change func(*provisionerv1.Stamp)) {
			next := stamp("u1")
			next.DoneGeneration = 0
			change(next)
			s.Put(s.ctx, "acme", next)
			synctest.Wait()
		}
		put(func(*provisionerv1.Stamp) {})
		s.want(t, typev1.HealthState_NOT_RUNNING, "being made")
		put(func(n *provisionerv1.Stamp) { n.Failure = &typev1.Failure{Retryable: true} })
		s.want(t, typev1.HealthState_NOT_RUNNING, "tried again")
		s.told(t, "Acme is not running: its copy could not be made yet, and it is tried again.", true)
		put(func(n *provisionerv1.Stamp) { n.Failure = &typev1.Failure{} })
		s.want(t, typev1.HealthState_UNHEALTHY, "given up")
		put(func(n *provisionerv1.Stamp) {
			n.Failure, n.Lifecycle = &typev1.Failure{}, provisionerv1.Stamp_LIFECYCLE_UNSPECIFIED
		})
		s.want(t, typev1.HealthState_UNHEALTHY, "given up, by a record that was never settled")
		s.told(t, "Acme is down: its copy could not be made.", true)
		if noted, _ := s.notes.state("acme"); noted != typev1.HealthState_UNHEALTHY {
			t.Errorf("%v is noted", noted)
		}
		put(func(n *provisionerv1.Stamp) {
			n.Failure, n.Lifecycle = &typev1.Failure{}, provisionerv1.Stamp_DESTROYED
		})
		s.want(t, typev1.HealthState_NOT_RUNNING, "deleted")
		s.told(t, "Acme is not running: its copy is being destroyed.", false)
		put(func(n *provisionerv1.Stamp) { n.Failure, n.DoneGeneration, n.Generation = &typev1.Failure{}, 1, 2 })
		time.Sleep(time.Minute)
		s.want(t, typev1.HealthState_HEALTHY, "a change failed, and what was made serves")
		s.told(t, "Acme is up (as before a change that failed): ", true)
		put(func(n *provisionerv1.Stamp) {
			n.Failure, n.DoneGeneration, n.Generation = &typev1.Failure{Code: typev1.Failure_CANCELLED}, 1, 2
		})
		s.told(t, "Acme is up (as before a change that was cancelled): ", true)
		put(func(n *provisionerv1.Stamp) {
			n.Failure, n.DoneGeneration, n.Generation, n.Revision = &typev1.Failure{}, 2, 2, "blueprints/helpdesk/revisions/1.0.0"
			n.Upgrade = &provisionerv1.Upgrade{From: &provisionerv1.StampSpec{Blueprint: n.GetRevision()}, To: "blueprints/helpdesk/revisions/1.1.0", Failure: n.GetFailure()}
		})
		s.told(t, "Acme is up (on 1.0.0: the upgrade to 1.1.0 failed): ", true)
	})
}

func TestNothingBeginsAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{bad: map[string]bool{}, asked: map[string]int{}}
		m := New(probe.New(w), newNotes(), slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = m.Run(ctx)
		m.Put(t.Context(), "acme", stamp("u1"))
		time.Sleep(time.Minute)
		if w.count("acme.db") > 0 {
			t.Error("a monitor that has ended asks")
		}
	})
}
