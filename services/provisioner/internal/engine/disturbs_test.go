package engine

import (
	"testing"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// Only a plan that ends something that runs disturbs; one that brings up what is
// down does not wait for anything.
func TestWhatDisturbs(t *testing.T) {
	rendered := func(name, as string) func(*world) {
		return func(w *world) {
			for i := range w.wish.Parts {
				if w.wish.Parts[i].Name == name {
					w.wish.Parts[i].Rendered = as
				}
			}
		}
	}
	for name, c := range map[string]struct {
		change []func(*world)
		want   bool
	}{
		"nothing to do":    {nil, false},
		"another app":      {[]func(*world){rendered("app", `{"app":2}`)}, true},
		"a component more": {[]func(*world){func(w *world) { w.wish.Parts = append(w.wish.Parts, Part{Name: "mail", Rendered: `{"mail":1}`}) }}, false},
		"a component less": {[]func(*world){func(w *world) { w.wish.Parts = append(w.wish.Parts[:3:3], w.wish.Parts[4]) }}, true},
		"one that is down": {[]func(*world){func(w *world) { w.seen.Running["worker"] = false }}, false},
		"one that is down, and another app": {[]func(*world){
			rendered("app", `{"app":2}`), func(w *world) { w.seen.Running["worker"] = false },
		}, false},
		"one that was changed by hand": {[]func(*world){func(w *world) { w.seen.Stale["edge"] = true }}, false},
		"one that was changed by hand, and another app": {[]func(*world){
			rendered("app", `{"app":2}`), func(w *world) { w.seen.Stale["edge"] = true },
		}, true},
		"another revision": {[]func(*world){func(w *world) { w.wish.Revision = rev2 }}, true},
	} {
		w := settle(t)
		w.wish.Generation, w.wish.Open, w.have.Lifecycle = 2, true, pb.Stamp_RUNNING
		for _, change := range c.change {
			change(w)
		}
		plan := Plan(w.wish, w.have, w.seen)
		if got := disturbs(plan, w.have, w.seen); got != c.want {
			t.Errorf("%s: disturbs %t, want %t: %v", name, got, c.want, plan)
		}
	}
}
