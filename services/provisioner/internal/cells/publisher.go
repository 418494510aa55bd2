package cells

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/placement"
	"stampworks.dev/services/provisioner/internal/record"
)

const (
	// every is how often a cell is published at least, settle how long a change
	// waits for others at least.
	every  = 10 * time.Second
	settle = 100 * time.Millisecond
	// share bounds what publishing takes of the time: a large cell, whose stamps
	// take long to add up, is published less often while many change.
	share = 50
)

// Publisher says what one cell has: to the other replicas through the store,
// and to the registry.
type Publisher struct {
	Cell, Region, PublicAddress string
	// Kind is the driver's, "local".
	Kind string
	// LooksFor are the host programs that the driver looks for.
	LooksFor   []string
	Driver     driver.Driver
	Reports    *store.Collection[*pb.CellReport]
	Placements *store.Cache[*pb.Placement]
	Registry   registryv1.ReportServiceClient
	Log        *slog.Logger
}

// Run publishes until ctx ends: with the claim of the cell's first shard.
func (p *Publisher) Run(ctx context.Context, held claim.Claim) error {
	changed := make(chan struct{}, 1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.watch(ctx, changed) })
	g.Go(func() error {
		for {
			began := time.Now()
			if err := p.publish(ctx, held.Guard()); err != nil {
				if errors.Is(err, store.ErrGuard) {
					return err
				}
				p.Log.WarnContext(ctx, "publish cell", "cell", p.Cell, "error", err)
			}
			if !p.pause(ctx, changed, max(settle, share*time.Since(began))) {
				return ctx.Err()
			}
		}
	})
	return g.Wait()
}

// pause waits for a change, and others with it, or for its time.
func (p *Publisher) pause(ctx context.Context, changed <-chan struct{}, others time.Duration) bool {
	timer := time.NewTimer(every)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-changed:
		timer.Reset(min(others, every))
	case <-ctx.Done():
		return false
	}
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *Publisher) watch(ctx context.Context, changed chan<- struct{}) error {
	for {
		events, why := p.Placements.Subscribe(ctx, 0)
		for ev := range events {
			if ev.Item.Value.GetCell() != p.Cell {
				continue
			}
			select {
			case changed <- struct{}{}:
			default:
			}
		}
		if err := why(); !errors.Is(err, store.ErrCompacted) {
			return fmt.Errorf("watch placements: %w", err)
		}
	}
}

func (p *Publisher) publish(ctx context.Context, guard store.Cond) error {
	has, err := p.Driver.Capacity(ctx)
	if err != nil {
		return fmt.Errorf("ask for capacity: %w", err)
	}
	programs := map[string]string{}
	for _, name := range p.LooksFor {
		programs[name] = placement.NoProgram
	}
	maps.Copy(programs, has.Programs)
	report := &pb.CellReport{
		Cell: p.Cell, Driver: p.Kind, Region: p.Region, Allocatable: has.Allocatable, Isolation: has.Isolation,
		Programs: programs, UpdateTime: timestamppb.Now(), PublicAddress: p.PublicAddress,
	}
	_, err = p.Reports.Create(ctx, p.Cell, report, guard)
	if errors.Is(err, store.ErrExists) {
		_, err = p.Reports.Update(ctx, p.Cell, func(old *pb.CellReport) error {
			old.Driver, old.Region, old.Allocatable, old.Isolation = report.GetDriver(), report.GetRegion(), report.GetAllocatable(), report.GetIsolation()
			old.Programs, old.UpdateTime, old.PublicAddress = report.GetPrograms(), report.GetUpdateTime(), report.GetPublicAddress()
			return nil
		}, guard)
	}
	if err != nil {
		return err
	}
	return p.tell(ctx, report)
}

// tell reports the cell to the registry with what is reserved of it.
func (p *Publisher) tell(ctx context.Context, r *pb.CellReport) error {
	all, _ := p.Placements.Snapshot()
	var here []*pb.Placement
	for _, v := range all {
		if v.Value.GetCell() == p.Cell {
			here = append(here, v.Value)
		}
	}
	reserved := placement.Reserve([]placement.Cell{{Name: p.Cell}}, here)[0].Reserved
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := p.Registry.ReportCell(ctx, &registryv1.ReportCellRequest{Cell: &registryv1.Cell{
		Name: record.CellName(p.Cell), Driver: p.Kind, Region: p.Region,
		Status: &registryv1.CellStatus{
			Allocatable: r.GetAllocatable(), Reserved: reserved, Stamps: int32(len(here)), Isolation: r.GetIsolation(),
			Programs: found(r.GetPrograms()), UpdateTime: r.GetUpdateTime(), Reachable: true, PublicAddress: p.PublicAddress,
		},
	}})
	if err != nil {
		return fmt.Errorf("report cell to the registry: %w", err)
	}
	return nil
}

// found leaves out what was looked for and is not there: placement wants to
// know of it, everybody else takes what is named for what there is.
func found(programs map[string]string) map[string]string {
	there := maps.Clone(programs)
	maps.DeleteFunc(there, func(_, version string) bool { return version == placement.NoProgram })
	return there
}
