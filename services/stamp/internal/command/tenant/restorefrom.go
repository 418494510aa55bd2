package tenant

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/Masterminds/semver/v3"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
)

// restoreFrom puts the backup of a flag into a wish.
func restoreFrom(wish *registryv1.Tenant, flag string) error {
	if flag == "" {
		return nil
	}
	if wish.RestoreFrom = names.Backup(flag); wish.RestoreFrom == "" {
		return exit.Usagef("--restore-from %s: want TENANT/BACKUP, such as acme/backup-3; see them with: stamp backup list", flag)
	}
	return nil
}

// fits refuses a backup that a new tenant cannot begin with, before its id is
// used up: the registry takes the wish, for it knows no backups. Who may not read
// backups hears of it from the operation.
func fits(ctx context.Context, c *client.Client, wish *registryv1.Tenant) error {
	name := wish.GetRestoreFrom()
	if name == "" {
		return nil
	}
	b, short := &provisionerv1.Backup{}, names.Short(name)
	err := c.Get(ctx, "/v1/"+name, nil, b)
	var problem *client.Problem
	switch {
	case errors.As(err, &problem) && problem.Status == http.StatusForbidden:
		return nil
	case errors.As(err, &problem) && problem.Status == http.StatusNotFound:
		tenant, _, _ := strings.Cut(short, "/")
		return &exit.Error{Code: exit.NotFound, Message: "there is no backup " + short + ": choose another; see them with: stamp backup list " + tenant}
	case err != nil:
		return err
	}
	if of := product(b.GetRevision()); wish.GetBlueprint() != "" && of != product(wish.GetBlueprint()) {
		return &exit.Error{Code: exit.Failure, Message: "the backup " + short + " is of " + names.Short(of) + ", not of " + names.Short(product(wish.GetBlueprint())) + ": choose another"}
	}
	if err := older(ctx, c, b, wish.GetBlueprint()); err != nil {
		return err
	}
	if cell := wish.GetCell(); cell != "" && cell != b.GetCell() {
		return &exit.Error{Code: exit.Failure, Message: "the backup " + short + " is kept in the cell " + names.Short(b.GetCell()) + ", not in " + names.Short(cell) + ": choose that one"}
	}
	return nil
}

// older refuses a backup of a newer revision than the tenant is to run: its data
// cannot be read. One that is no version is left to the provisioner to judge.
func older(ctx context.Context, c *client.Client, b *provisionerv1.Backup, wish string) error {
	if wish == "" {
		return nil
	}
	revision, err := newest(ctx, c, wish)
	if err != nil {
		return nil // the registry says what is wrong with the wish
	}
	of, err1 := semver.StrictNewVersion(path.Base(b.GetRevision()))
	runs, err2 := semver.StrictNewVersion(path.Base(revision))
	if err1 != nil || err2 != nil || !of.GreaterThan(runs) {
		return nil
	}
	backup := names.Short(b.GetName())
	return &exit.Error{
		Code:    exit.Failure,
		Message: fmt.Sprintf("the backup %s is of %s, which is newer than %s: nothing was created", backup, names.Short(b.GetRevision()), names.Short(revision)),
		Next:    fmt.Sprintf("say --blueprint %s@%s or a later revision, or choose an older backup", path.Base(product(b.GetRevision())), of),
	}
}

// product is the blueprint of a revision.
func product(revision string) string {
	blueprint, _, _ := strings.Cut(revision, "/revisions/")
	return blueprint
}
