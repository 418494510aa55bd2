package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"stampworks.dev/deploy/products/helpdesk/internal/client"
	"stampworks.dev/deploy/products/helpdesk/internal/queue"
	"stampworks.dev/deploy/products/helpdesk/internal/worker"
)

func runWorker(ctx context.Context, args []string, env Env) error {
	fs := flag.NewFlagSet("worker", flag.ContinueOnError)
	check := fs.Bool("check", false, "say whether a worker is alive, and end")
	if err := parse(fs, args, env, 0); err != nil {
		return err
	}
	if env.Get("APP_URL") == "" || env.Get("WORKER_TOKEN") == "" {
		return errors.New("run worker: APP_URL and WORKER_TOKEN are required")
	}
	app := client.New(env.Get("APP_URL"), env.Get("WORKER_TOKEN"))
	if *check {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return worker.Check(ctx, app)
	}
	if env.Get("QUEUE_URL") == "" {
		return errors.New("run worker: QUEUE_URL is required")
	}
	log := env.logger().With("component", "worker")
	broker, err := queue.Connect(env.Get("QUEUE_URL"), "worker", log)
	if err != nil {
		return err
	}
	defer broker.Close()
	cfg := worker.Config{
		Name:      fmt.Sprintf("worker-%d", os.Getpid()),
		Recipient: env.or("ADMIN_EMAIL", "admin"), PublicURL: env.Get("PUBLIC_URL"),
	}
	return worker.New(cfg, app, broker, log).Run(ctx)
}
