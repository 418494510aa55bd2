package delivery

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

func TestRetention(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		outcome registryv1.Delivery_Outcome
		age     time.Duration
		want    bool
	}{
		{registryv1.Delivery_IGNORED, 23 * time.Hour, false}, {registryv1.Delivery_IGNORED, 25 * time.Hour, true},
		{registryv1.Delivery_CREATED, 29 * 24 * time.Hour, false}, {registryv1.Delivery_NEEDS_APPROVAL, 31 * 24 * time.Hour, true},
	} {
		record := &registryv1.Delivery{Outcome: c.outcome, CreateTime: timestamppb.New(now.Add(-c.age))}
		if got := expired(record, now); got != c.want {
			t.Errorf("%s after %s: expired %v", c.outcome, c.age, got)
		}
	}
}

func TestASourceMayNotFillTheStore(t *testing.T) {
	u := usage{counted: time.Now(), bytes: map[string]int64{"crm": MaxBytes - 3*recordOverhead}}
	if err := u.take(nil, "crm", 10); err != nil {
		t.Errorf("room is left: %v", err)
	}
	if err := u.take(nil, "crm", 64<<10); !errs.Is(err, errs.ResourceExhausted) {
		t.Errorf("full: %v", err)
	}
	if err := u.take(nil, "other", 64<<10); err != nil {
		t.Errorf("another source pays for it: %v", err)
	}
}

func TestLengthStandsForTheBody(t *testing.T) {
	if n := length(withLength(&registryv1.Delivery{}, 65536)); n != 65536 {
		t.Error(n)
	}
	if n := length(&registryv1.Delivery{}); n != 0 {
		t.Error(n)
	}
}

func TestOurOwnErrorsAreNotShown(t *testing.T) {
	if got := public(fmt.Errorf("dial 10.0.0.1: password is hunter2")); got != "an internal error; the log has it under this delivery's name" {
		t.Error(got)
	}
	if got := public(errs.New(errs.Unavailable, "", "store is away")); got != "store is away" {
		t.Error(got)
	}
}
