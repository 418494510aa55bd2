package command

import (
	"context"
	"flag"
	"fmt"
	"time"

	"stampworks.dev/deploy/products/helpdesk/internal/client"
	"stampworks.dev/deploy/products/helpdesk/internal/smoke"
)

func runSmoke(ctx context.Context, args []string, env Env) error {
	fs := flag.NewFlagSet("smoke", flag.ContinueOnError)
	app := fs.String("app", env.or("APP_URL", "http://127.0.0.1:8080"), "the app's address")
	if err := parse(fs, args, env, 0); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	start := time.Now()
	if err := smoke.Run(ctx, client.New(*app, env.Get("WORKER_TOKEN"))); err != nil {
		return fmt.Errorf("smoke: FAILED: %w", err)
	}
	_, err := fmt.Fprintf(env.Out, "smoke: ok: a ticket opened, answered, closed and removed in %d ms\n", time.Since(start).Milliseconds())
	return err
}
