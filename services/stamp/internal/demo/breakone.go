package demo

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/services/stamp/internal/client"
)

// healWithin is how long a broken copy may take to serve again.
const healWithin = 20 * time.Second

// breakOne kills two of one customer's processes as hard as it goes, while
// the others are asked all the time.
func (r *run) breakOne(ctx context.Context) (string, error) {
	victim, others := r.stamps[0], r.stamps[1:]
	components := []string{"app", "db"}
	if r.result.Blueprint != "helpdesk" {
		components = []string{"app"} // its database is a file in the app's volume
	}
	killed, err := victims(ctx, r.api, victim.tenant, components...)
	if err != nil {
		return "", err
	}
	watch := watchOthers(ctx, others)
	begin := time.Now()
	for _, pid := range killed {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			watch.stop()
			return "", fmt.Errorf("kill process %d: %w", pid, err)
		}
	}
	err = within(ctx, healWithin, victim.display+" is down", func(ctx context.Context) error {
		if victim.seesItsTicket(ctx) == nil {
			return fmt.Errorf("it still answers")
		}
		return nil
	})
	if err == nil {
		err = within(ctx, healWithin, victim.display+" serves again", victim.seesItsTicket)
	}
	r.result.SelfRepairMS = time.Since(begin).Milliseconds()
	watch.stop()
	r.result.RequestsElsewhere = int(watch.asked.Load())
	r.result.FailedRequestsElsewhere = int(watch.failed.Load())
	switch {
	case err != nil:
		return "", err
	case r.result.RequestsElsewhere == 0:
		return "", fmt.Errorf("the others were not asked at all")
	case r.result.FailedRequestsElsewhere > 0:
		return "", fmt.Errorf("%d of %d requests at the others failed: %v", watch.failed.Load(), watch.asked.Load(), watch.first.Load())
	}
	return fmt.Sprintf("kill -9 of %s; served again after %d ms; %d requests elsewhere, 0 failed",
		strings.Join(components, " and "), r.result.SelfRepairMS, r.result.RequestsElsewhere), nil
}

// victims are the processes of a tenant's components: of each at least one,
// so that nothing passes for killed that did not run.
func victims(ctx context.Context, api *client.Client, tenant string, components ...string) ([]int, error) {
	var stamp provisionerv1.Stamp
	if err := api.Get(ctx, "/v1/tenants/"+tenant+"/stamp", nil, &stamp); err != nil {
		return nil, err
	}
	var pids []int
	for _, name := range components {
		before := len(pids)
		for _, c := range stamp.GetComponents() {
			for _, pid := range c.GetPids() {
				if c.GetName() == name {
					pids = append(pids, int(pid))
				}
			}
		}
		if len(pids) == before {
			return nil, fmt.Errorf("no process of %s of %s is known", name, tenant)
		}
	}
	return pids, nil
}

// others are asked all the time until stopped.
type others struct {
	asked, failed atomic.Int64
	first         atomic.Value
	cancel        context.CancelFunc
	wg            sync.WaitGroup
}

func watchOthers(ctx context.Context, stamps []*copyOf) *others {
	w := &others{}
	ctx, w.cancel = context.WithCancel(ctx)
	for _, s := range stamps {
		w.wg.Go(func() {
			for ctx.Err() == nil {
				// A request under way is let finish, so that the end fails none.
				if err := s.seesItsTicket(context.WithoutCancel(ctx)); err != nil {
					w.failed.Add(1)
					w.first.CompareAndSwap(nil, err)
				}
				w.asked.Add(1)
			}
		})
	}
	return w
}

func (w *others) stop() {
	w.cancel()
	w.wg.Wait()
}
