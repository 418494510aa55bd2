// Package report tells the registry what there is: of each tenant only the
// latest, again and again until it is accepted or refused for good.
package report

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/internal/record"
)

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 10 * time.Second
	// senders is how many reports are under way at once.
	senders = 8
)

// Reporter sends status reports. It is safe for concurrent use.
type Reporter struct {
	registry registryv1.ReportServiceClient
	log      *slog.Logger

	mu      sync.Mutex
	pending map[string]*pending                 // by tenant uid
	last    map[string]*registryv1.TenantStatus // accepted, by tenant uid
	fresh   []string                            // uids that nobody sends yet
	events  []event                             // that nobody sends yet
	wake    chan struct{}
}

// pending is the latest report of one tenant that is not accepted yet.
type pending struct {
	req  *registryv1.ReportStatusRequest
	done chan struct{} // closed when it, or one that took its place, has ended
}

// New makes a reporter; it sends while Run runs.
func New(registry registryv1.ReportServiceClient, log *slog.Logger) *Reporter {
	return &Reporter{
		registry: registry, log: log, wake: make(chan struct{}, 1),
		pending: map[string]*pending{}, last: map[string]*registryv1.TenantStatus{},
	}
}

// Report hands in a report and returns at once. One that says what the registry
// accepted last is dropped. The channel closes when the report, or a later one
// in its place, was accepted or refused for good.
func (r *Reporter) Report(tenant, uid string, st *registryv1.TenantStatus) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	req := &registryv1.ReportStatusRequest{Name: record.TenantName(tenant), Uid: uid, Status: st}
	if p := r.pending[uid]; p != nil {
		p.req = req
		return p.done
	}
	p := &pending{req: req, done: make(chan struct{})}
	if Same(r.last[uid], st) {
		close(p.done)
		return p.done
	}
	r.pending[uid] = p
	r.fresh = append(r.fresh, uid)
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return p.done
}

// Run sends until ctx ends.
func (r *Reporter) Run(ctx context.Context) error {
	var g errgroup.Group
	g.SetLimit(senders)
	for {
		select {
		case <-r.wake:
		case <-ctx.Done():
			return g.Wait()
		}
		for _, uid := range r.take() {
			g.Go(func() error { r.deliver(ctx, uid); return nil })
		}
		for _, e := range r.takeEvents() {
			g.Go(func() error { r.tell(ctx, e); return nil })
		}
	}
}

func (r *Reporter) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh := r.fresh
	r.fresh = nil
	return fresh
}

// deliver sends the latest of one tenant until the answer is final.
func (r *Reporter) deliver(ctx context.Context, uid string) {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		r.mu.Lock()
		req := r.pending[uid].req
		r.mu.Unlock()
		err := r.send(ctx, req)
		if final(err) {
			if err != nil {
				r.log.InfoContext(ctx, "report refused", "tenant", req.GetName(), "error", err)
			}
			if r.end(uid, req, err == nil) {
				return
			}
			wait = firstRetry
			continue
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// pause waits about so long; false when the context ended before.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait/2 + rand.N(wait/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// end notes a final answer; false when a later report has taken its place.
func (r *Reporter) end(uid string, req *registryv1.ReportStatusRequest, accepted bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if accepted {
		r.last[uid] = req.GetStatus()
	}
	p := r.pending[uid]
	if p.req != req {
		return false
	}
	if req.GetStatus().GetPhase() == registryv1.TenantStatus_PURGED {
		delete(r.last, uid)
	}
	delete(r.pending, uid)
	close(p.done)
	return true
}

// Same says whether two statuses tell the same, whenever they were written.
func Same(a, b *registryv1.TenantStatus) bool {
	if a == nil || b == nil {
		return a == b
	}
	a, b = proto.CloneOf(a), proto.CloneOf(b)
	for _, s := range []*registryv1.TenantStatus{a, b} {
		s.Token, s.StampRevision, s.UpdateTime, s.TraceId = 0, 0, nil, ""
	}
	return proto.Equal(a, b)
}

// final says whether an answer ends a report: it was accepted, a newer one was,
// or the tenant is not there any more.
func final(err error) bool {
	switch errs.KindOf(err) {
	case errs.Conflict, errs.NotFound, errs.InvalidArgument, errs.FailedPrecondition, errs.PermissionDenied:
		return true
	}
	return err == nil
}

func (r *Reporter) send(ctx context.Context, p *registryv1.ReportStatusRequest) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := r.registry.ReportStatus(ctx, p)
	return err
}
