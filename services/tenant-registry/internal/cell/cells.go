package cell

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// SeenWithin is how fresh a report must be for a cell to count as reachable.
const SeenWithin = 30 * time.Second

// What cells refuse.
var (
	ErrNotFound = errs.New(errs.NotFound, "CELL_NOT_FOUND", "cell does not exist")
	ErrEtag     = errs.New(errs.Conflict, "ETAG_MISMATCH", "cell was changed meanwhile: read it again")
)

// Cells keeps all cells.
type Cells struct {
	cells   *store.Collection[*registryv1.Cell]
	reports *store.Collection[*registryv1.CellStatus]
	now     func() time.Time
}

// New gives the cells under a prefix that ends with "/".
func New(b store.Backend, prefix string) *Cells {
	return &Cells{
		cells:   store.NewCollection(b, prefix+"cells/", func() *registryv1.Cell { return &registryv1.Cell{} }),
		reports: store.NewCollection(b, prefix+"cell-reports/", func() *registryv1.CellStatus { return &registryv1.CellStatus{} }),
		now:     time.Now,
	}
}

// Get reads a cell. ErrNotFound.
func (c *Cells) Get(ctx context.Context, name names.Cell) (*registryv1.Cell, error) {
	item, err := c.cells.Get(ctx, name.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNotFound.Naming("cell", name.String())
	}
	if err != nil {
		return nil, err
	}
	report, err := c.reports.Get(ctx, name.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return c.join(item, report.Value), nil
}

// List reads all cells, by name.
func (c *Cells) List(ctx context.Context) ([]*registryv1.Cell, error) {
	items, _, err := c.cells.List(ctx, store.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list cells: %w", err)
	}
	reports, _, err := c.reports.List(ctx, store.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list reports of cells: %w", err)
	}
	byID := make(map[string]*registryv1.CellStatus, len(reports))
	for _, r := range reports {
		byID[c.reports.ID(r.Key)] = r.Value
	}
	list := make([]*registryv1.Cell, len(items))
	for i, item := range items {
		list[i] = c.join(item, byID[c.cells.ID(item.Key)])
	}
	return list, nil
}

// Report takes in what the provisioner says; the first one makes the cell. Both
// are written in one transaction: a cell that is there has a report.
func (c *Cells) Report(ctx context.Context, name names.Cell, told *registryv1.Cell) (*registryv1.Cell, error) {
	report, _ := proto.Clone(told.GetStatus()).(*registryv1.CellStatus)
	if report == nil {
		report = &registryv1.CellStatus{}
	}
	report.UpdateTime = timestamppb.New(c.now())
	for {
		item, err := c.cells.Get(ctx, name.ID)
		guard := store.ModRevisionIs(c.cells.Key(name.ID), item.ModRevision)
		if errors.Is(err, store.ErrNotFound) {
			guard, err = store.Absent(c.cells.Key(name.ID)), nil
			item.Value = &registryv1.Cell{Name: name.String(), Uid: uuid.NewString(), CreateTime: timestamppb.New(c.now())}
		}
		if err != nil {
			return nil, fmt.Errorf("report cell %q: %w", name.ID, err)
		}
		ops := []store.Op{c.reports.PutOp(name.ID, report)} // the last word wins: there is nothing to compare
		cell := item.Value
		changed := item.ModRevision == 0 || cell.GetDriver() != told.GetDriver() || cell.GetRegion() != told.GetRegion()
		if changed {
			cell.Driver, cell.Region = told.GetDriver(), told.GetRegion()
			ops = append(ops, c.cells.PutOp(name.ID, cell))
		}
		res, err := c.cells.Backend().Txn(ctx, []store.Cond{guard}, ops)
		switch {
		case err != nil:
			return nil, fmt.Errorf("report cell %q: %w", name.ID, err)
		case !res.Succeeded:
			continue // somebody has just changed the cell
		case changed:
			item.ModRevision = res.Revision
		}
		return c.join(item, report), nil
	}
}

// Cordon keeps new tenants away, or with cordoned false lets them in. An etag
// that is set must be current. ErrNotFound, ErrEtag.
func (c *Cells) Cordon(ctx context.Context, name names.Cell, etag, reason string, cordoned bool) (*registryv1.Cell, error) {
	if etag != "" {
		now, err := c.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		if now.GetEtag() != etag {
			return nil, ErrEtag.Naming("cell", name.String()).With("etag", now.GetEtag())
		}
	}
	var guards []store.Cond
	if rev, err := strconv.ParseInt(etag, 36, 64); etag != "" && err == nil {
		guards = append(guards, store.ModRevisionIs(c.cells.Key(name.ID), rev))
	}
	_, err := c.cells.Update(ctx, name.ID, func(cell *registryv1.Cell) error {
		cell.Cordoned, cell.CordonReason = cordoned, reason
		return nil
	}, guards...)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, ErrNotFound.Naming("cell", name.String())
	case errors.Is(err, store.ErrGuard):
		return nil, ErrEtag.Naming("cell", name.String())
	case err != nil:
		return nil, err
	}
	return c.Get(ctx, name)
}

// join makes the whole cell. One that nobody reported lately is not reachable,
// whatever the last report said.
func (c *Cells) join(item store.Versioned[*registryv1.Cell], report *registryv1.CellStatus) *registryv1.Cell {
	whole, _ := proto.Clone(item.Value).(*registryv1.Cell)
	whole.Etag = strconv.FormatInt(item.ModRevision, 36)
	if report == nil {
		return whole
	}
	whole.Status, _ = proto.Clone(report).(*registryv1.CellStatus)
	whole.Status.Reachable = report.GetReachable() && c.now().Sub(report.GetUpdateTime().AsTime()) <= SeenWithin
	return whole
}
