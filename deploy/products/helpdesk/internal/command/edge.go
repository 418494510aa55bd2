package command

import (
	"context"
	"flag"

	"stampworks.dev/deploy/products/helpdesk/internal/edge"
	"stampworks.dev/deploy/products/helpdesk/internal/serve"
)

func runEdge(ctx context.Context, args []string, env Env) error {
	fs := flag.NewFlagSet("edge", flag.ContinueOnError)
	listen := fs.String("listen", "127.0.0.1:8000", "host:port")
	upstream := fs.String("upstream", "127.0.0.1:8080", "host:port of the app")
	if err := parse(fs, args, env, 0); err != nil {
		return err
	}
	log := env.logger().With("component", "edge")
	h, err := edge.New(*upstream, log)
	if err != nil {
		return err
	}
	return serve.HTTP(ctx, *listen, h, log)
}
