package rest

import (
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/durationpb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

func TestWaitingForAnOperationTakesItsTime(t *testing.T) {
	if got := patience(&registryv1.GetTenantRequest{}); got != unaryWithin {
		t.Errorf("a call may take %v", got)
	}
	for _, tc := range []struct {
		asked *durationpb.Duration
		want  time.Duration
	}{
		{nil, waitDefault},
		{durationpb.New(0), 0},
		{durationpb.New(time.Minute), time.Minute},
		{durationpb.New(-time.Second), waitDefault},
		{durationpb.New(time.Hour), waitMost},
	} {
		req := &longrunningpb.WaitOperationRequest{Timeout: tc.asked}
		if got := patience(req); got != tc.want+unaryWithin || req.GetTimeout().AsDuration() != tc.want {
			t.Errorf("asked for %v: the service is told %v and may take %v", tc.asked, req.GetTimeout().AsDuration(), got)
		}
	}
}
