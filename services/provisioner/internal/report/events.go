package report

import (
	"context"
	"time"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// event is an entry of a timeline that the registry has not taken yet.
type event struct {
	req  *registryv1.ReportEventRequest
	done chan struct{} // closed when it was accepted or refused for good
}

// Tell hands in an entry for a tenant's timeline and returns at once. The channel
// closes when it was accepted or refused for good. The same entry again is fine.
func (r *Reporter) Tell(req *registryv1.ReportEventRequest) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := event{req: req, done: make(chan struct{})}
	r.events = append(r.events, e)
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return e.done
}

func (r *Reporter) takeEvents() []event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

// tell sends an entry until the answer is final.
func (r *Reporter) tell(ctx context.Context, e event) {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := r.sendEvent(ctx, e.req)
		if final(err) || errs.Is(err, errs.Unimplemented) { // a registry that is older does not know of it
			if err != nil {
				r.log.InfoContext(ctx, "timeline entry refused", "tenant", e.req.GetName(), "operation", e.req.GetOperation(), "error", err)
			}
			close(e.done)
			return
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

func (r *Reporter) sendEvent(ctx context.Context, req *registryv1.ReportEventRequest) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := r.registry.ReportEvent(ctx, req)
	return err
}
