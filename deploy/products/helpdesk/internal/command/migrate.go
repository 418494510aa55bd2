package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/mail"
	"time"

	"stampworks.dev/deploy/products/helpdesk/internal/revision"
	"stampworks.dev/deploy/products/helpdesk/internal/store"
)

func runMigrate(ctx context.Context, args []string, env Env) error {
	fs := flag.NewFlagSet("migrate", flag.ContinueOnError)
	admin := fs.String("admin", "", "e-mail address of the admin to make")
	if err := parse(fs, args, env, 0); err != nil {
		return err
	}
	if *admin != "" {
		if at, err := mail.ParseAddress(*admin); err != nil || at.Address != *admin {
			return fmt.Errorf("migrate: --admin %q is not an e-mail address", *admin)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	url := env.Get("DATABASE_URL")
	if adminURL := env.Get("DATABASE_ADMIN_URL"); adminURL != "" {
		if err := store.Provision(ctx, adminURL, url); err != nil {
			return err
		}
	}
	db, err := store.Open(url)
	if err != nil {
		return err
	}
	defer db.Disconnect()
	applied, err := db.Migrate(ctx)
	if err != nil {
		return err
	}
	if *admin != "" {
		if err := db.EnsureAdmin(ctx, *admin); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(env.Out, "migrate: %s has schema %d or newer, %d applied now\n", db.Product(), revision.Schema, applied)
	return err
}

func runAdmin(ctx context.Context, args []string, env Env) error {
	if len(args) != 1 || args[0] != "reset" {
		return errors.New("helpdesk admin knows one word: reset")
	}
	db, err := store.Open(env.Get("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer db.Disconnect()
	email, password, err := db.ResetAdmin(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Out, "%s has a new password, shown only now: %s\n", email, password)
	return err
}
