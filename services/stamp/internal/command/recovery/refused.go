package recovery

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"stampworks.dev/services/stamp/internal/client"
)

// whyRefused says why the registry takes no tenant of a stamp, and what to do: it
// names fields of a request that nobody here has written.
func whyRefused(err error) string {
	var problem *client.Problem
	if !errors.As(err, &problem) || len(problem.Violations) == 0 {
		return err.Error()
	}
	var wrong []string
	for _, v := range problem.Violations {
		field := strings.TrimPrefix(v.Field, "tenant.")
		if revision, gone := missingRevision(field, v.Description); gone {
			return fmt.Sprintf("its revision %s is not published: publish it as it was (stamp blueprint publish FILE)", revision)
		}
		wrong = append(wrong, field+" "+v.Description)
	}
	return "what is wished for it does not fit what is published (" + strings.Join(wrong, "; ") + "): publish the revision as it was, or create the customer anew from a backup"
}

// missingRevision is "helpdesk 1.4.0" when a blueprint is wished for that the
// registry does not know.
func missingRevision(field, says string) (string, bool) {
	name, _, quoted := strings.Cut(strings.TrimPrefix(says, `"`), `"`)
	if field != "blueprint" || !quoted || !strings.HasSuffix(says, "does not exist") {
		return "", false
	}
	blueprint, revision, _ := strings.Cut(name, "/revisions/")
	return strings.TrimSpace(path.Base(blueprint) + " " + revision), true
}
