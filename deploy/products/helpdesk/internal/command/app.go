package command

import (
	"context"
	"flag"
	"fmt"

	"golang.org/x/sync/errgroup"

	"stampworks.dev/deploy/products/helpdesk/internal/desk"
	"stampworks.dev/deploy/products/helpdesk/internal/queue"
	"stampworks.dev/deploy/products/helpdesk/internal/revision"
	"stampworks.dev/deploy/products/helpdesk/internal/serve"
	"stampworks.dev/deploy/products/helpdesk/internal/store"
)

func runApp(ctx context.Context, args []string, env Env) error {
	fs := flag.NewFlagSet("app", flag.ContinueOnError)
	listen := fs.String("listen", "127.0.0.1:8080", "host:port")
	if err := parse(fs, args, env, 0); err != nil {
		return err
	}
	log := env.logger().With("component", "app", "revision", revision.Name)
	db, err := store.Open(env.Get("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer db.Disconnect()
	d, err := desk.New(desk.Config{
		Customer: env.or("CUSTOMER_NAME", "Your company"), Tenant: env.Get("TENANT_ID"),
		Seats: env.Get("SEATS"), Token: env.Get("WORKER_TOKEN"),
	}, db, log)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	if url := env.Get("QUEUE_URL"); url == "" {
		log.Warn("no QUEUE_URL: jobs are filed, but nobody does them")
	} else {
		broker, err := queue.Connect(url, "app", log)
		if err != nil {
			return err
		}
		defer broker.Close()
		g.Go(func() error { return d.Relay(ctx, broker) })
	}
	g.Go(func() error { return serve.HTTP(ctx, *listen, d.Handler(), log) })
	if err := g.Wait(); err != nil {
		return fmt.Errorf("run app: %w", err)
	}
	return nil
}
