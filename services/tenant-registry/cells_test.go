package tenantregistry_test

import (
	"context"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

func TestCells(t *testing.T) {
	r := start(t)
	told := &registryv1.Cell{Name: "cells/eu-1", Driver: "local", Region: "eu", Cordoned: true, Status: &registryv1.CellStatus{Reachable: true, Stamps: 3}}
	first, err := r.reports.ReportCell(context.Background(), &registryv1.ReportCellRequest{Cell: told})
	if err != nil || first.GetCell().GetCordoned() || !first.GetCell().GetStatus().GetReachable() || first.GetCell().GetUid() == "" {
		t.Fatalf("%v, %v", first, err)
	}
	cordoned, err := r.cells.CordonCell(ctx(t), &registryv1.CordonCellRequest{Name: "cells/eu-1", Reason: "disk", Etag: first.GetCell().GetEtag()})
	if err != nil || !cordoned.GetCordoned() || cordoned.GetEtag() == first.GetCell().GetEtag() {
		t.Fatalf("%v, %v", cordoned, err)
	}
	again, err := r.reports.ReportCell(context.Background(), &registryv1.ReportCellRequest{Cell: told})
	if err != nil || !again.GetCell().GetCordoned() || again.GetCell().GetEtag() != cordoned.GetEtag() {
		t.Errorf("a report changed the cordon or the etag: %v, %v", again, err)
	}
	_, err = r.cells.UncordonCell(ctx(t), &registryv1.UncordonCellRequest{Name: "cells/eu-1", Etag: first.GetCell().GetEtag()})
	_ = reason(t, "old etag", err, errs.Conflict, "ETAG_MISMATCH")
	_, err = r.cells.UncordonCell(ctx(t), &registryv1.UncordonCellRequest{Name: "cells/nope"})
	_ = reason(t, "no cell", err, errs.NotFound, "CELL_NOT_FOUND")
	list, err := r.cells.ListCells(ctx(t), &registryv1.ListCellsRequest{})
	if err != nil || len(list.GetCells()) != 1 || list.GetCells()[0].GetStatus().GetStamps() != 3 {
		t.Errorf("%v, %v", list, err)
	}
}

// Who sees a cell sees its report: the sample product would else be sold
// without the PostgreSQL that is there.
func TestACellThatIsThereHasItsReport(t *testing.T) {
	r := start(t)
	const cells = 20
	var reports errgroup.Group
	for i := range cells {
		reports.Go(func() error {
			_, err := r.reports.ReportCell(context.Background(), &registryv1.ReportCellRequest{Cell: &registryv1.Cell{
				Name: fmt.Sprintf("cells/c%d", i), Driver: "local", Status: &registryv1.CellStatus{Reachable: true},
			}})
			return err
		})
	}
	for seen := 0; seen < cells; {
		list, err := r.cells.ListCells(ctx(t), &registryv1.ListCellsRequest{PageSize: cells})
		if err != nil {
			t.Fatal(err)
		}
		for _, cell := range list.GetCells() {
			if !cell.GetStatus().GetReachable() {
				t.Fatalf("%s is there without its report", cell.GetName())
			}
		}
		seen = len(list.GetCells())
	}
	if err := reports.Wait(); err != nil {
		t.Error(err)
	}
}
