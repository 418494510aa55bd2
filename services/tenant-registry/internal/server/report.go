package server

import (
	"context"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/cell"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/tenant"
)

type reports struct {
	registryv1.UnimplementedReportServiceServer

	tenants *tenant.Tenants
	cells   *cell.Cells
}

// ReportStatus implements ReportService.
func (s *reports) ReportStatus(ctx context.Context, req *registryv1.ReportStatusRequest) (*registryv1.ReportStatusResponse, error) {
	name, err := names.ParseTenant("name", req.GetName())
	if err != nil {
		return nil, err
	}
	generation, err := s.tenants.Report(ctx, name, req.GetUid(), req.GetStatus())
	if err != nil {
		return nil, err
	}
	return &registryv1.ReportStatusResponse{Generation: generation}, nil
}

// ReportEvent implements ReportService.
func (s *reports) ReportEvent(ctx context.Context, req *registryv1.ReportEventRequest) (*registryv1.ReportEventResponse, error) {
	name, err := names.ParseTenant("name", req.GetName())
	if err != nil {
		return nil, err
	}
	if err := s.tenants.Tell(ctx, name, req.GetUid(), req.GetOperation(), req.GetEntry()); err != nil {
		return nil, err
	}
	return &registryv1.ReportEventResponse{}, nil
}

// ReportCell implements ReportService.
func (s *reports) ReportCell(ctx context.Context, req *registryv1.ReportCellRequest) (*registryv1.ReportCellResponse, error) {
	name, err := names.ParseCell("cell.name", req.GetCell().GetName())
	if err != nil {
		return nil, err
	}
	now, err := s.cells.Report(ctx, name, req.GetCell())
	if err != nil {
		return nil, err
	}
	return &registryv1.ReportCellResponse{Cell: now}, nil
}
