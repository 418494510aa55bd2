package command

import (
	"context"
	"errors"
	"flag"
	"strings"

	"stampworks.dev/deploy/products/helpdesk/internal/store"
)

func runBackup(ctx context.Context, args []string, env Env) error {
	fs := flag.NewFlagSet("backup", flag.ContinueOnError)
	if err := parse(fs, args, env, 1); err != nil {
		return err
	}
	db, err := store.Open(env.Get("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer db.Disconnect()
	return db.Backup(ctx, fs.Arg(0))
}

func runRestore(ctx context.Context, args []string, env Env) error {
	fs := flag.NewFlagSet("restore", flag.ContinueOnError)
	if err := parse(fs, args, env, 1); err != nil {
		return err
	}
	path, ok := strings.CutPrefix(env.Get("DATABASE_URL"), "sqlite:")
	if !ok {
		return errors.New("restore: only for SQLite; PostgreSQL has pg_restore")
	}
	return store.Restore(ctx, fs.Arg(0), path)
}
