package stamps

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/pkg/errs"
)

type event = provisionerv1.WatchStampsResponse

// script is one watch: what it sends, and how it ends; nil goes on.
type script struct {
	events []*event
	end    error
}

// provisioner plays one script after another, then goes on for ever.
type provisioner struct {
	provisionerv1.StampServiceClient

	mu      sync.Mutex
	scripts []script
	after   []int64 // where each watch was taken up
}

func (p *provisioner) WatchStamps(ctx context.Context, req *provisionerv1.WatchStampsRequest, _ ...grpc.CallOption) (grpc.ServerStreamingClient[event], error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after = append(p.after, req.GetAfterRevision())
	if len(p.scripts) == 0 {
		return &watch{ctx: ctx}, nil
	}
	next := p.scripts[0]
	p.scripts = p.scripts[1:]
	if len(next.events) == 0 && next.end != nil {
		return nil, next.end
	}
	return &watch{ctx: ctx, script: next}, nil
}

type watch struct {
	grpc.ServerStreamingClient[event]
	script

	ctx context.Context
}

func (w *watch) Recv() (*event, error) {
	if len(w.events) > 0 {
		e := w.events[0]
		w.events = w.events[1:]
		return e, nil
	}
	if w.end != nil {
		return nil, w.end
	}
	<-w.ctx.Done()
	return nil, w.ctx.Err()
}

// sink writes down what it is told.
type sink struct {
	told []string
	ctx  context.Context
}

func (s *sink) Put(ctx context.Context, tenant string, _ *provisionerv1.Stamp) {
	s.told, s.ctx = append(s.told, "put "+tenant), ctx
}
func (s *sink) Remove(tenant string) { s.told = append(s.told, "remove "+tenant) }
func (s *sink) Keep(listed map[string]bool) {
	s.told = append(s.told, "keep")
	for _, id := range []string{"acme", "globex"} {
		if listed[id] {
			s.told[len(s.told)-1] += " " + id
		}
	}
}

func put(tenant string, revision int64) *event {
	return &event{Type: provisionerv1.WatchStampsResponse_PUT, Revision: revision, Stamp: &provisionerv1.Stamp{Name: "tenants/" + tenant + "/stamp"}}
}

func removed(tenant string, revision int64) *event {
	e := put(tenant, revision)
	e.Type = provisionerv1.WatchStampsResponse_REMOVED
	return e
}

func synced(revision int64) *event {
	return &event{Type: provisionerv1.WatchStampsResponse_SYNCED, Revision: revision}
}

// follow plays scripts for a minute.
func follow(t *testing.T, scripts ...script) (told []string, after []int64) {
	t.Helper()
	p, s := &provisioner{scripts: scripts}, &sink{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := Follow(ctx, p, s, slog.New(slog.DiscardHandler)); err != nil {
			t.Error(err)
		}
	})
	return s.told, p.after
}

var (
	errAway      = errs.New(errs.Unavailable, "", "provisioner is not reachable")
	errCompacted = errs.New(errs.TooLarge, "REVISION_COMPACTED", "list again")
)

func TestFollow(t *testing.T) {
	for _, tc := range []struct {
		why     string
		scripts []script
		told    []string
		after   []int64
	}{
		{"lists, then changes",
			[]script{{events: []*event{put("acme", 0), put("globex", 0), synced(5), removed("acme", 6), put("acme", 7)}}},
			[]string{"put acme", "put globex", "keep acme globex", "remove acme", "put acme"}, []int64{0}},
		{"a provisioner that restarts is taken up where it broke, and nothing is dropped",
			[]script{{[]*event{put("acme", 0), synced(5), put("acme", 6)}, io.EOF}, {end: errAway}, {[]*event{synced(6), put("globex", 8)}, io.EOF}},
			[]string{"put acme", "keep acme", "put acme", "put globex"}, []int64{0, 6, 6, 8}},
		{"a list that breaks is begun again, and drops nobody",
			[]script{{[]*event{put("acme", 0)}, errAway}, {events: []*event{put("acme", 0), put("globex", 0), synced(9)}}},
			[]string{"put acme", "put acme", "put globex", "keep acme globex"}, []int64{0, 0}},
		{"a revision that is forgotten: list again, and drop who is gone",
			[]script{{[]*event{put("acme", 0), put("globex", 0), synced(5)}, io.EOF}, {end: errCompacted}, {events: []*event{put("acme", 0), synced(90)}}},
			[]string{"put acme", "put globex", "keep acme globex", "put acme", "keep acme"}, []int64{0, 5, 0}},
		{"progress counts",
			[]script{{[]*event{synced(5), {Type: provisionerv1.WatchStampsResponse_PROGRESS, Revision: 50}}, io.EOF}},
			[]string{"keep"}, []int64{0, 50}},
	} {
		t.Run(tc.why, func(t *testing.T) {
			told, after := follow(t, tc.scripts...)
			if !reflect.DeepEqual(told, tc.told) || !reflect.DeepEqual(after, tc.after) {
				t.Errorf("told %q from %v\nwant %q from %v", told, after, tc.told, tc.after)
			}
		})
	}
}

func TestAProvisionerThatStaysAwayIsNotPressed(t *testing.T) {
	scripts := make([]script, 200)
	for i := range scripts {
		scripts[i].end = errAway
	}
	told, after := follow(t, scripts...)
	if len(told) > 0 || len(after) < 12 || len(after) > 20 {
		t.Errorf("told %q after %d attempts in a minute, want about 15", told, len(after))
	}
}

func TestWhatIsBegunOutlivesTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p, s := &provisioner{scripts: []script{{[]*event{put("acme", 0)}, errors.New("broken")}}}, &sink{}
		var running sync.WaitGroup
		running.Go(func() { _ = Follow(ctx, p, s, slog.New(slog.DiscardHandler)) })
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if s.ctx.Err() != nil {
			t.Error("the watches of acme end with the stream that told of it")
		}
		cancel()
		running.Wait()
		if s.ctx.Err() == nil {
			t.Error("the watches go on after the end")
		}
	})
}
