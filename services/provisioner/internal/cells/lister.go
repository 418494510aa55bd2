// Package cells publishes what the cells of this replica have, and gathers
// what is known of all: the reports of their replicas, who reaches them now,
// and which of them the registry says are cordoned.
package cells

import (
	"context"
	"fmt"
	"sync"
	"time"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/internal/placement"
	"stampworks.dev/services/provisioner/internal/record"
)

// Lister gives all cells, without what is reserved of them. It implements
// [placement.Cells] and is safe for concurrent use.
type Lister struct {
	Reports  *store.Cache[*pb.CellReport]
	Registry registryv1.CellServiceClient
	Members  func() []claim.Member

	mu      sync.Mutex
	cordons map[string]*registryv1.Cell // as last heard
}

// List gives the cells as of now. With the registry away the cordons last
// heard hold; before they were ever heard, it is an error.
func (l *Lister) List(ctx context.Context) ([]placement.Cell, error) {
	cordons, err := l.heard(ctx)
	if err != nil {
		return nil, err
	}
	reached := map[string]bool{}
	for _, m := range l.Members() {
		for cell := range m.Cells {
			reached[cell] = true
		}
	}
	reports, _ := l.Reports.Snapshot()
	all := make([]placement.Cell, 0, len(reports))
	for _, v := range reports {
		r := v.Value
		c := placement.Cell{
			Name: r.GetCell(), Region: r.GetRegion(), Driver: r.GetDriver(), Allocatable: r.GetAllocatable(),
			Programs: r.GetPrograms(), Reachable: reached[r.GetCell()],
		}
		if known := cordons[c.Name]; known != nil {
			c.Cordoned, c.CordonReason = known.GetCordoned(), known.GetCordonReason()
		}
		all = append(all, c)
	}
	return all, nil
}

func (l *Lister) heard(ctx context.Context) (map[string]*registryv1.Cell, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	heard := map[string]*registryv1.Cell{}
	req := &registryv1.ListCellsRequest{PageSize: 1000}
	for {
		page, err := l.Registry.ListCells(ctx, req)
		if err != nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.cordons != nil {
				return l.cordons, nil
			}
			return nil, fmt.Errorf("ask the registry for cordons: %w", err)
		}
		for _, c := range page.GetCells() {
			heard[record.CellID(c.GetName())] = c
		}
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cordons = heard
	return heard, nil
}
