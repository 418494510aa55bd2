package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/session"
)

// redWithin is how long health may take to see what was broken.
const redWithin = 30 * time.Second

func breakCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:   "break TENANT COMPONENT",
		Short: "Kill a component of one customer until health sees it, then let it heal",
		Long: `Kill a component's processes on this machine (kill -9), again and again, until
health has seen that the customer is down; then let its supervisor heal it.
Only that customer goes red: look at the page, or at: stamp health`,
		Example:           "  stamp demo break acme-rockets db",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: complete.Components(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.Client()
			if err != nil {
				return err
			}
			return breakIt(cmd.Context(), c, args[0], args[1], cmd.OutOrStdout())
		},
	}
}

func breakIt(ctx context.Context, api *client.Client, tenant, component string, out io.Writer) error {
	begin := time.Now()
	say := func(format string, args ...any) {
		_, _ = fmt.Fprintf(out, "%5.1f s  %s\n", time.Since(begin).Seconds(), fmt.Sprintf(format, args...))
	}
	pids, err := victims(ctx, api, tenant, component)
	if err != nil {
		return err
	}
	say("kill -9 of %s's %s (process %d), until it is seen", tenant, component, pids[0])
	kills := 0
	err = within(ctx, redWithin, "health sees it", func(ctx context.Context) error {
		killed, err := killAll(ctx, api, tenant, component)
		kills += killed
		if err != nil {
			return err
		}
		return healthIs(ctx, api, tenant, false)
	})
	if err != nil {
		return err
	}
	say("%s", summary(ctx, api, tenant))
	say("killed %d times; now let it heal", kills)
	if err := within(ctx, 2*redWithin, "it has healed", func(ctx context.Context) error { return healthIs(ctx, api, tenant, true) }); err != nil {
		return err
	}
	say("%s", summary(ctx, api, tenant))
	var fleet healthv1.FleetHealth
	if err := api.Get(ctx, "/v1/health", nil, &fleet); err != nil {
		return err
	}
	say("%s", fleet.GetSummary())
	return nil
}

func killAll(ctx context.Context, api *client.Client, tenant, component string) (int, error) {
	pids, err := victims(ctx, api, tenant, component)
	if err != nil {
		return 0, nil // it has just been killed and is not back yet
	}
	killed := 0
	for _, pid := range pids {
		switch err := syscall.Kill(pid, syscall.SIGKILL); {
		case errors.Is(err, syscall.EPERM):
			return killed, fmt.Errorf("kill process %d: it is another user's; run this as the user that runs stamp dev", pid)
		case err == nil:
			killed++
		}
	}
	return killed, nil
}

// healthIs checks whether a tenant is HEALTHY, or is not.
func healthIs(ctx context.Context, api *client.Client, tenant string, healthy bool) error {
	var h healthv1.TenantHealth
	if err := api.Get(ctx, "/v1/tenants/"+tenant+"/health", nil, &h); err != nil {
		return err
	}
	if (h.GetState() == typev1.HealthState_HEALTHY) != healthy {
		return fmt.Errorf("%s", h.GetSummary())
	}
	return nil
}

func summary(ctx context.Context, api *client.Client, tenant string) string {
	var h healthv1.TenantHealth
	if err := api.Get(ctx, "/v1/tenants/"+tenant+"/health", nil, &h); err != nil {
		return err.Error()
	}
	return h.GetSummary()
}
