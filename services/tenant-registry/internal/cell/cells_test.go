package cell

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

func TestACellThatNobodyReportsIsNotReachable(t *testing.T) {
	now := time.Now()
	c := &Cells{now: func() time.Time { return now }}
	item := store.Versioned[*registryv1.Cell]{Value: &registryv1.Cell{Name: "cells/eu-1"}, ModRevision: 7}
	for age, want := range map[time.Duration]bool{0: true, 29 * time.Second: true, 31 * time.Second: false} {
		report := &registryv1.CellStatus{Reachable: true, UpdateTime: timestamppb.New(now.Add(-age))}
		if got := c.join(item, report).GetStatus().GetReachable(); got != want {
			t.Errorf("after %s: reachable %v", age, got)
		}
	}
	if whole := c.join(item, nil); whole.GetStatus().GetReachable() || whole.GetEtag() != "7" {
		t.Errorf("never reported: %v", whole)
	}
}
