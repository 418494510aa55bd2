package recovery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/progress"
	"stampworks.dev/services/stamp/internal/session"
	"stampworks.dev/services/stamp/internal/wait"
)

// await waits for what was begun, when that is wished.
func (o *options) await(ctx context.Context, begun []string) (failed error) {
	if !o.wait {
		return nil
	}
	for i, op := range begun {
		if _, err := wait.For(ctx, o.Session, o.client, op); err != nil {
			if errors.Is(context.Cause(ctx), context.Canceled) {
				return errors.Join(failed, o.goingOn(ctx, begun[i:]))
			}
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// askWithin bounds the look at what is still going on after an interruption.
const askWithin = 2 * time.Second

// goingOn says once, after an interruption, which operations have not ended.
func (o *options) goingOn(ctx context.Context, operations []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askWithin)
	defer cancel()
	var open []string
	for _, op := range operations {
		if _, done, err := progress.Read(ctx, o.client, op); err != nil || !done {
			open = append(open, strings.TrimPrefix(op, "operations/"))
		}
	}
	if len(open) == 0 {
		return exit.Said(exit.Interrupted)
	}
	return &exit.Error{Code: exit.Interrupted, Message: "still going on: " + strings.Join(open, ", "), Next: "look again with: stamp operation list"}
}

// lookAgain is the pause between looks at a stamp that is taken over.
const lookAgain = 100 * time.Millisecond

// awaitTaken waits, when that is wished, until the stamps of tenants that were
// there are taken over again: that is no operation of its own.
func (o *options) awaitTaken(ctx context.Context, tenants []string, recovery string) error {
	if !o.wait || o.dryRun {
		return nil
	}
	if len(tenants) == 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	ctx, cancel := o.Bounded(ctx, session.DefaultWait)
	defer cancel()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for _, tenant := range tenants {
		for {
			stamp := &provisionerv1.Stamp{}
			if err := o.client.Get(ctx, "/v1/"+tenant+"/stamp", nil, stamp); err != nil {
				return err
			}
			if stamp.GetAdopted() == recovery {
				break
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("wait until the stamp of %s is taken over: %w", tenant, ctx.Err())
			}
		}
	}
	return nil
}
