package server

import (
	"context"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/cell"
	"stampworks.dev/services/tenant-registry/internal/listing"
	"stampworks.dev/services/tenant-registry/internal/names"
)

type cells struct {
	registryv1.UnimplementedCellServiceServer

	cells *cell.Cells
}

// GetCell implements CellService.
func (s *cells) GetCell(ctx context.Context, req *registryv1.GetCellRequest) (*registryv1.Cell, error) {
	name, err := names.ParseCell("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return s.cells.Get(ctx, name)
}

// ListCells implements CellService.
func (s *cells) ListCells(ctx context.Context, req *registryv1.ListCellsRequest) (*registryv1.ListCellsResponse, error) {
	all, err := s.cells.List(ctx)
	if err != nil {
		return nil, err
	}
	page, err := listing.Schema[*registryv1.Cell]{ID: (*registryv1.Cell).GetName}.
		Page(all, listing.Query{Token: req.GetPageToken(), Size: req.GetPageSize()})
	if err != nil {
		return nil, err
	}
	return &registryv1.ListCellsResponse{Cells: page.Items, NextPageToken: page.Next}, nil
}

// CordonCell implements CellService.
func (s *cells) CordonCell(ctx context.Context, req *registryv1.CordonCellRequest) (*registryv1.Cell, error) {
	name, err := names.ParseCell("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return s.cells.Cordon(ctx, name, req.GetEtag(), req.GetReason(), true)
}

// UncordonCell implements CellService.
func (s *cells) UncordonCell(ctx context.Context, req *registryv1.UncordonCellRequest) (*registryv1.Cell, error) {
	name, err := names.ParseCell("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return s.cells.Cordon(ctx, name, req.GetEtag(), "", false)
}
