package server

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

func TestAReceiverThatDoesNotReadIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := handOver(context.Background(), make(chan *registryv1.WatchTenantsResponse), nil, slowAfter)
		if !errors.Is(err, errSlow) || time.Since(began) != slowAfter {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestAReceiverThatWentAwayIsNotWaitedFor(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := handOver(ctx, make(chan *registryv1.WatchTenantsResponse), nil, slowAfter); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
