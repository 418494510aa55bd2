package command

import (
	"context"
	"flag"

	"stampworks.dev/deploy/products/helpdesk/internal/queue"
)

func runQueue(ctx context.Context, args []string, env Env) error {
	fs := flag.NewFlagSet("queue", flag.ContinueOnError)
	listen := fs.String("listen", "127.0.0.1:4222", "host:port")
	dir := fs.String("store", "", "directory that keeps the jobs")
	if err := parse(fs, args, env, 0); err != nil {
		return err
	}
	cfg := queue.ServerConfig{Listen: *listen, Store: *dir, Token: env.Get("QUEUE_TOKEN")}
	return queue.Serve(ctx, cfg, env.logger().With("component", "queue"))
}
