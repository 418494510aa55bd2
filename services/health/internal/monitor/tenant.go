package monitor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/health/internal/debounce"
	"stampworks.dev/services/health/internal/probe"
	"stampworks.dev/services/health/internal/verdict"
)

// endpointCheck is the name of the check of the customer's URL.
const endpointCheck = "endpoint"

// defaultEvery is how often a component is asked when its blueprint does not say.
const defaultEvery = 5 * time.Second

// shortestEvery bounds what a blueprint may ask for.
const shortestEvery = 100 * time.Millisecond

// tenant keeps the checks of one stamp.
type tenant struct {
	id     string
	prober *probe.Prober
	limits debounce.Thresholds
	// changed is told that the held state of a check changed.
	changed func(id string)

	mu     sync.Mutex
	stamp  *provisionerv1.Stamp
	checks map[string]*debounce.Check
	since  time.Time
	state  typev1.HealthState
}

// target is one thing that is asked.
type target struct {
	name string
	what *provisionerv1.ProbeTarget
}

// targets lists what is asked of a stamp: nothing when it is not meant to run.
func targets(s *provisionerv1.Stamp) []target {
	if notRunning(s) != "" {
		return nil
	}
	var all []target
	for _, c := range s.GetComponents() {
		if !c.GetWanted() {
			continue
		}
		what := c.GetProbe()
		if what == nil {
			what = &provisionerv1.ProbeTarget{Exec: true}
		}
		all = append(all, target{c.GetName(), what})
	}
	if s.GetUrl() != "" {
		all = append(all, target{endpointCheck, &provisionerv1.ProbeTarget{Url: s.GetUrl() + s.GetEndpointPath()}})
	}
	return all
}

// notRunning says why a stamp is not meant to serve, or nothing.
func notRunning(s *provisionerv1.Stamp) string {
	switch {
	case s.GetLifecycle() == provisionerv1.Stamp_STOPPED && gaveUp(s):
		return "its copy is stopped, its data kept, and its last change failed"
	case s.GetLifecycle() == provisionerv1.Stamp_STOPPED:
		return "its copy is stopped, its data kept"
	case s.GetLifecycle() == provisionerv1.Stamp_DESTROYED:
		return "its copy is being destroyed"
	case s.GetDoneGeneration() == 0:
		return making(s)
	}
	return ""
}

// making says how far a copy is that never served.
func making(s *provisionerv1.Stamp) string {
	if s.GetFailure() != nil {
		return "its copy could not be made yet, and it is tried again"
	}
	return "its copy is still being made"
}

// wanted says whether the customer is meant to be served.
func wanted(s *provisionerv1.Stamp) bool {
	return s.GetLifecycle() != provisionerv1.Stamp_STOPPED && s.GetLifecycle() != provisionerv1.Stamp_DESTROYED
}

// lagging says what a stamp that serves is behind in: a change that failed.
func lagging(s *provisionerv1.Stamp) string {
	f, up := s.GetFailure(), s.GetUpgrade()
	switch {
	case !gaveUp(s):
		return ""
	case up.GetFailure() != nil && up.GetFrom().GetBlueprint() == s.GetRevision():
		return fmt.Sprintf("on %s: the upgrade to %s failed", path.Base(s.GetRevision()), path.Base(up.GetTo()))
	case s.GetDoneGeneration() < s.GetGeneration() && f.GetCode() == typev1.Failure_CANCELLED:
		return "as before a change that was cancelled"
	case s.GetDoneGeneration() < s.GetGeneration():
		return "as before a change that failed"
	}
	return ""
}

// unmade says that making the stamp was given up: a person has to act. What its
// lifecycle is wished to be is in the record only once it is made.
func unmade(s *provisionerv1.Stamp) bool {
	return wanted(s) && s.GetDoneGeneration() == 0 && gaveUp(s)
}

// gaveUp says that the last change failed, and is not tried again by itself.
func gaveUp(s *provisionerv1.Stamp) bool {
	return s.GetFailure() != nil && !s.GetFailure().GetRetryable()
}

// ask asks one target until the context ends, beginning at a random point of
// its interval, so that a fleet is not asked all at once.
func (t *tenant) ask(ctx context.Context, tg target) {
	every := max(tg.what.GetEvery().AsDuration(), shortestEvery)
	if tg.what.GetEvery() == nil {
		every = defaultEvery
	}
	timer := time.NewTimer(rand.N(min(every, time.Second)))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		answer, learned := t.prober.Ask(ctx, t.id, tg.name, tg.what)
		next := every
		if learned {
			if t.observe(ctx, tg.name, answer) {
				t.changed(t.id)
			}
			next = t.pause(tg.name, every)
		}
		timer.Reset(next)
	}
}

// pause is how long to wait before asking again: less while something may be
// changing, so that three bad answers take seconds and not half a minute.
func (t *tenant) pause(check string, every time.Duration) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.checks[check]
	settled := c != nil && ((c.Held == typev1.HealthState_HEALTHY && c.Bad == 0) ||
		(c.Held == typev1.HealthState_DEGRADED && c.Bad == 0))
	if !settled {
		every = min(every, time.Second)
	}
	return every - every/10 + rand.N(every/5+1)
}

// observe takes an answer, and reports whether what is held changed. One that
// comes after its watch was ended is about something that is no longer asked.
func (t *tenant) observe(ctx context.Context, check string, a debounce.Answer) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	c := t.checks[check]
	if c == nil {
		c = &debounce.Check{}
		t.checks[check] = c
	}
	return c.Observe(a, t.limits)
}

// adopt takes up a stamp's change, and drops the checks that no longer count.
func (t *tenant) adopt(s *provisionerv1.Stamp, counts func(check string) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stamp = s
	for name := range t.checks {
		if !counts(name) {
			delete(t.checks, name)
		}
	}
}

func (t *tenant) uid() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stamp.GetTenantUid()
}

// health is the sum of what is held to be so now.
func (t *tenant) health(now time.Time) *healthv1.TenantHealth {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stamp
	in := verdict.Stamp{
		DisplayName: s.GetDisplayName(), NotRunning: notRunning(s), Unmade: unmade(s), Lagging: lagging(s), Changing: changing(s), Aside: aside(s),
		DependsOn: map[string][]string{},
	}
	if in.DisplayName == "" {
		in.DisplayName = t.id
	}
	h := &healthv1.TenantHealth{Name: "tenants/" + t.id + "/health", DisplayName: in.DisplayName, Wanted: wanted(s), CheckTime: timestamppb.New(now)}
	for _, tg := range targets(s) {
		check := t.checkHealth(tg.name, now)
		if tg.name == endpointCheck {
			in.Endpoint, h.Endpoint = check, check
			continue
		}
		in.Components = append(in.Components, check)
	}
	for _, c := range s.GetComponents() {
		in.DependsOn[c.GetName()] = c.GetDependsOn()
	}
	h.Components = in.Components
	h.State, h.RootComponent, h.Summary = verdict.Sum(in)
	if h.State != t.state {
		t.state, t.since = h.State, now
	}
	h.SinceTime = timestamppb.New(t.since)
	return h
}

// checkHealth describes one check. The caller holds mu.
func (t *tenant) checkHealth(name string, now time.Time) *healthv1.CheckHealth {
	c := t.checks[name]
	if c == nil {
		return &healthv1.CheckHealth{Name: name, State: typev1.HealthState_UNKNOWN, Message: "not asked yet"}
	}
	message := c.Last.Message
	if c.Last.Slow {
		message = fmt.Sprintf("%s in %d ms", message, c.Last.Latency.Milliseconds())
	}
	return &healthv1.CheckHealth{
		Name:                 name,
		State:                c.State(now, t.limits),
		Message:              message,
		Latency:              durationpb.New(c.Last.Latency),
		CheckTime:            timestamppb.New(c.Last.At),
		SinceTime:            timestamppb.New(c.Since),
		ConsecutiveFailures:  int32(c.Bad),
		ConsecutiveSuccesses: int32(c.Good),
	}
}

// Unasked is the health of a stamp that nobody has asked yet.
func Unasked(id string, s *provisionerv1.Stamp, now time.Time) *healthv1.TenantHealth {
	t := &tenant{id: id, stamp: s, checks: map[string]*debounce.Check{}, since: now}
	return t.health(now)
}

// restore takes up what was held to be so before a restart, or by another
// replica, so that who goes on does not forget an outage, and tells of none that
// is not. It was so when it was last looked at; when that is long ago, it counts
// as UNKNOWN until the first answer.
func (t *tenant) restore(h *healthv1.TenantHealth) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state, t.since = h.GetState(), h.GetSinceTime().AsTime()
	all := h.GetComponents()
	if h.GetEndpoint() != nil {
		all = append(all, h.GetEndpoint())
	}
	for _, c := range all {
		t.checks[c.GetName()] = &debounce.Check{
			Held:  c.GetState(),
			Since: c.GetSinceTime().AsTime(),
			Bad:   int(c.GetConsecutiveFailures()),
			Last:  debounce.Answer{At: h.GetCheckTime().AsTime(), Message: c.GetMessage(), Latency: c.GetLatency().AsDuration()},
		}
	}
}
