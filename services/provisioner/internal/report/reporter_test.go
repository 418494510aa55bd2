package report_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/internal/report"
)

// registry answers as told, in order, and then accepts.
type registry struct {
	registryv1.ReportServiceClient
	mu      sync.Mutex
	answers []error
	got     []int64 // observed generations
	block   chan struct{}
}

func (r *registry) ReportStatus(_ context.Context, req *registryv1.ReportStatusRequest, _ ...grpc.CallOption) (*registryv1.ReportStatusResponse, error) {
	if r.block != nil {
		<-r.block
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, req.GetStatus().GetObservedGeneration())
	if len(r.answers) == 0 {
		return &registryv1.ReportStatusResponse{}, nil
	}
	err := r.answers[0]
	r.answers = r.answers[1:]
	return nil, err
}

func (r *registry) generations() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]int64(nil), r.got...)
}

func start(t *testing.T, reg *registry) *report.Reporter {
	r := report.New(reg, testkit.Logger(t))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = r.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return r
}

func status(generation int64) *registryv1.TenantStatus {
	return &registryv1.TenantStatus{ObservedGeneration: generation, Phase: registryv1.TenantStatus_DONE}
}

func accepted(t *testing.T, told <-chan struct{}) {
	t.Helper()
	select {
	case <-told:
	case <-time.After(10 * time.Second):
		t.Fatal("not accepted")
	}
}

func TestTriesUntilAccepted(t *testing.T) {
	away := errs.New(errs.Unavailable, "", "away")
	reg := &registry{answers: []error{away, errors.New("odd"), away}}
	r := start(t, reg)
	accepted(t, r.Report("acme", "u", status(1)))
	if got := reg.generations(); len(got) != 4 {
		t.Errorf("sent %v", got)
	}
	accepted(t, r.Report("acme", "u", status(1))) // the same again
	if got := reg.generations(); len(got) != 4 {
		t.Errorf("what is known was sent again: %v", got)
	}
}

func TestLatestWins(t *testing.T) {
	reg := &registry{block: make(chan struct{})}
	r := start(t, reg)
	r.Report("acme", "u", status(1))
	r.Report("acme", "u", status(2))
	told := r.Report("acme", "u", status(3))
	close(reg.block)
	accepted(t, told)
	got := reg.generations()
	if got[len(got)-1] != 3 || len(got) > 2 {
		t.Errorf("sent %v, want at most the first and the last", got)
	}
}

func TestRefusedIsFinal(t *testing.T) {
	reg := &registry{answers: []error{errs.New(errs.Conflict, "STALE_REPORT", "older")}}
	r := start(t, reg)
	accepted(t, r.Report("acme", "u", status(1)))
	if got := reg.generations(); len(got) != 1 {
		t.Errorf("sent %v", got)
	}
}
