package progress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
)

const (
	// pollEvery is how often the gateway is asked in the first half minute;
	// pollLater after that.
	pollEvery, pollLater = 200 * time.Millisecond, time.Second
	// patience is how long a gateway that does not answer is asked again: a
	// control plane may be restarted while its operations go on.
	patience = 30 * time.Second
)

// Watch shows an operation until it ends, and gives its last state. An
// operation that failed is no error: its metadata says so. When the context
// ends first, the error is the context's and the operation goes on.
func Watch(ctx context.Context, c *client.Client, operation string, out io.Writer, tty bool) (*typev1.OperationMetadata, error) {
	var show display = newPlain(out)
	if tty {
		show = &live{out: out}
	}
	defer show.end()
	last := &typev1.OperationMetadata{}
	began, answered := time.Now(), time.Now()
	for {
		now, done, err := Read(ctx, c, operation)
		switch {
		case ctx.Err() != nil:
			return last, ctx.Err()
		case err == nil:
			last, answered = now, time.Now()
			show.show(last)
			if done {
				return last, nil
			}
		case !Passing(err) || time.Since(answered) > patience:
			return last, err
		default:
			show.away()
		}
		every := pollEvery
		if time.Since(began) > patience {
			every = pollLater
		}
		if err := pause(ctx, every); err != nil {
			return last, err
		}
	}
}

// Read asks for an operation once.
func Read(ctx context.Context, c *client.Client, operation string) (meta *typev1.OperationMetadata, done bool, err error) {
	op := &longrunningpb.Operation{}
	if err := c.Get(ctx, "/v1/"+operation, nil, op); err != nil {
		return nil, false, err
	}
	meta, err = Metadata(op)
	return meta, op.GetDone(), err
}

// Metadata unpacks what an operation says of itself.
func Metadata(op *longrunningpb.Operation) (*typev1.OperationMetadata, error) {
	meta := &typev1.OperationMetadata{}
	if op.GetMetadata() == nil {
		return meta, nil
	}
	if err := op.GetMetadata().UnmarshalTo(meta); err != nil {
		return nil, fmt.Errorf("decode metadata of %s: %w", op.GetName(), err)
	}
	return meta, nil
}

// Passing tells trouble that may be over the next time.
func Passing(err error) bool {
	var unreachable *client.UnreachableError
	var problem *client.Problem
	return errors.As(err, &unreachable) || errors.As(err, &problem) &&
		(problem.Status == http.StatusServiceUnavailable || problem.Status == http.StatusBadGateway || problem.Status == http.StatusGatewayTimeout)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
