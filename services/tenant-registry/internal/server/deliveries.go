package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/listing"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/source"
	"stampworks.dev/services/tenant-registry/internal/webhook"
)

// ListDeliveries implements IntakeService.
func (s *intake) ListDeliveries(ctx context.Context, req *registryv1.ListDeliveriesRequest) (*registryv1.ListDeliveriesResponse, error) {
	of := names.Any
	if req.GetParent() != "sources/"+names.Any {
		name, err := names.ParseSource("parent", req.GetParent())
		if err != nil {
			return nil, err
		}
		if _, err := s.sources.Get(ctx, name); err != nil {
			return nil, err
		}
		of = name.ID
	}
	page, err := s.deliveries.List(ctx, of, listing.Query{Filter: req.GetFilter(), Token: req.GetPageToken(), Size: req.GetPageSize()})
	if err != nil {
		return nil, err
	}
	return &registryv1.ListDeliveriesResponse{Deliveries: page.Items, NextPageToken: page.Next}, nil
}

// GetDelivery implements IntakeService.
func (s *intake) GetDelivery(ctx context.Context, req *registryv1.GetDeliveryRequest) (*registryv1.Delivery, error) {
	name, err := names.ParseDelivery("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return s.deliveries.Get(ctx, name)
}

// ReplayDelivery implements IntakeService.
func (s *intake) ReplayDelivery(ctx context.Context, req *registryv1.ReplayDeliveryRequest) (*registryv1.Delivery, error) {
	name, err := names.ParseDelivery("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return s.deliveries.Replay(ctx, name)
}

// ApproveDelivery implements IntakeService.
func (s *intake) ApproveDelivery(ctx context.Context, req *registryv1.ApproveDeliveryRequest) (*registryv1.Delivery, error) {
	name, err := names.ParseDelivery("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return s.deliveries.Approve(ctx, name)
}

// receipt is what a sender is answered with.
type receipt struct {
	Delivery string `json:"delivery"`
	Status   string `json:"status"`
}

// ReceiveDelivery implements IntakeService.
func (s *intake) ReceiveDelivery(ctx context.Context, req *registryv1.ReceiveDeliveryRequest) (*registryv1.ReceiveDeliveryResponse, error) {
	from, err := names.ParseSource("name", req.GetName())
	if err != nil { // a sender knows no names, only a URL that leads nowhere
		return nil, source.ErrNotFound.Because(err)
	}
	name, err := s.deliveries.Receive(ctx, from, webhook.Message{Headers: req.GetHeaders(), Body: req.GetBody()})
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(receipt{Delivery: name.String(), Status: "stored"})
	if err != nil {
		return nil, fmt.Errorf("encode receipt: %w", err)
	}
	return &registryv1.ReceiveDeliveryResponse{Status: http.StatusAccepted, Body: body, ContentType: "application/json", Delivery: name.String()}, nil
}
