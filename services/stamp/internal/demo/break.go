package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/session"
)

// breaking is one component that is killed until it is seen.
type breaking struct {
	api               *client.Client
	tenant, component string
	out               io.Writer

	// kills bounds how often it is killed: its supervisor waits a little longer
	// each time, so that the last ones are far enough apart to be seen.
	kills int
	// red is how long health may take to see it, heal until it sees the end of
	// it: the supervisor's longest wait, a start that repairs what a kill left,
	// and two good answers.
	red, heal time.Duration
}

func breakCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:   "break TENANT COMPONENT",
		Short: "Kill a component of one customer until health sees it, then let it heal",
		Long: `Kill a component's processes on this machine (kill -9), again and again (12
times at the most), until health has seen that the customer is down; then let
its supervisor heal it.
Only that customer goes red: look at the page, or at: stamp health`,
		Example:           "  stamp demo break acme-rockets db",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: complete.Components(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.Client()
			if err != nil {
				return err
			}
			b := &breaking{
				api: c, tenant: args[0], component: args[1], out: cmd.OutOrStdout(),
				kills: 12, red: 45 * time.Second, heal: 90 * time.Second,
			}
			return b.run(cmd.Context())
		},
	}
}

func (b *breaking) run(ctx context.Context) error {
	begin := time.Now()
	say := func(format string, args ...any) {
		_, _ = fmt.Fprintf(b.out, "%5.1f s  %s\n", time.Since(begin).Seconds(), fmt.Sprintf(format, args...))
	}
	pids, err := victims(ctx, b.api, b.tenant, b.component)
	if err != nil {
		return err
	}
	say("kill -9 of %s's %s (process %d), until it is seen", b.tenant, b.component, pids[0])
	kills := 0
	err = within(ctx, b.red, "health sees it", func(ctx context.Context) error {
		if kills < b.kills {
			killed, err := killAll(ctx, b.api, b.tenant, b.component)
			kills += killed
			if err != nil {
				return err
			}
		}
		return healthIs(ctx, b.api, b.tenant, false)
	})
	if err != nil {
		return err
	}
	say("%s", summary(ctx, b.api, b.tenant))
	say("killed %d times; now let it heal", kills)
	err = within(ctx, b.heal, "it has healed", func(ctx context.Context) error { return healthIs(ctx, b.api, b.tenant, true) })
	if err != nil {
		say("it has not healed; the last that its %s logged:", b.component)
		return errors.Join(err, b.lastLines(ctx))
	}
	say("%s", summary(ctx, b.api, b.tenant))
	var fleet healthv1.FleetHealth
	if err := b.api.Get(ctx, "/v1/health", nil, &fleet); err != nil {
		return err
	}
	say("%s", fleet.GetSummary())
	return nil
}

// lastLines prints the end of the component's log.
func (b *breaking) lastLines(ctx context.Context) error {
	query := url.Values{"component": {b.component}, "tail": {"20"}}
	return b.api.Stream(ctx, "/v1/tenants/"+b.tenant+"/stamp:logs", query, func(text json.RawMessage) error {
		line := &provisionerv1.ReadLogsResponse{}
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, line); err != nil {
			return fmt.Errorf("decode log line: %w", err)
		}
		_, err := fmt.Fprintln(b.out, "         "+line.GetLine())
		return err
	})
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
