package tenant

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/dump"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
)

// cellIs refuses a cell that is not there, before anything is sent to it.
func cellIs(ctx context.Context, c *client.Client, cell string) error {
	err := c.Get(ctx, "/v1/"+cell, nil, &registryv1.Cell{})
	var problem *client.Problem
	if errors.As(err, &problem) && problem.Status == http.StatusNotFound {
		return &exit.Error{Code: exit.NotFound, Message: fmt.Sprintf("there is no cell %s: nothing was sent", names.Short(cell)), Next: "see them with: stamp cell list"}
	}
	return err
}

// foundBy refuses a file whose name no restore job of the revision looks for,
// unless its name was said.
func (o *importOptions) foundBy(ctx context.Context, revision string, files *dump.Dump) error {
	looked := lookedFor(recipeOf(ctx, o.client, revision))
	if o.as != "" || len(looked) == 0 || files.Directory() || slices.Contains(looked, filepath.Base(o.dump)) {
		return nil
	}
	return &exit.Error{
		Code:    exit.Usage,
		Message: fmt.Sprintf("the restore job of %s looks for %s, and the file is called %s: nothing was sent", names.Short(revision), strings.Join(looked, ", "), printer.Safe(filepath.Base(o.dump))),
		Next:    "say which it is with --as " + looked[0],
	}
}

var inBackup = regexp.MustCompile(`\$\{backup\}/([A-Za-z0-9._-]+)(?:[^A-Za-z0-9._/-]|$)`)

// lookedFor are the files, by name, that the restore jobs of a recipe name in their backup
// directory.
func lookedFor(recipe *typev1.Blueprint) []string {
	var found []string
	for _, c := range recipe.GetComponents() {
		for _, match := range inBackup.FindAllStringSubmatch(c.GetRestore().GetExec(), -1) {
			found = append(found, match[1])
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
