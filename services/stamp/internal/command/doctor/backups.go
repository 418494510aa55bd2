package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"stampworks.dev/pkg/blueprint"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/names"
)

// named is how many customers without a new backup are named.
const named = 10

// schedules finds what plans say, a recipe at a time.
type schedules struct {
	client  *client.Client
	recipes map[string]*blueprint.Recipe // nil: it cannot be read
}

// backups checks that customers whose plan has a schedule are backed up by it.
func backups(ctx context.Context, c *client.Client, stamps []*provisionerv1.Stamp, now time.Time) []Finding {
	all := schedules{client: c, recipes: map[string]*blueprint.Recipe{}}
	var findings []Finding
	due, late := 0, 0
	for _, stamp := range stamps {
		schedule, ok := all.of(ctx, stamp)
		if !ok {
			continue
		}
		due++
		f, old := overdue(stamp, schedule, now)
		if !old {
			continue
		}
		if late++; late <= named {
			findings = append(findings, f)
		}
	}
	switch {
	case due == 0:
		return []Finding{{Check: "backups", Level: fine, Saw: "no customer's plan has a schedule"}}
	case late > named:
		return append(findings, Finding{Check: "backups", Level: fail, Saw: fmt.Sprintf("and %d more customers", late-named), Fix: "as above"})
	case late == 0:
		return []Finding{{Check: "backups", Level: fine, Saw: fmt.Sprintf("as the plans of %d customers say", due)}}
	}
	return findings
}

// of is the schedule by which a stamp that runs is backed up.
func (s schedules) of(ctx context.Context, stamp *provisionerv1.Stamp) (string, bool) {
	if stamp.GetLifecycle() != provisionerv1.Stamp_RUNNING || stamp.GetRevision() == "" {
		return "", false
	}
	recipe, known := s.recipes[stamp.GetRevision()]
	if !known {
		revision := &registryv1.Revision{}
		if err := s.client.Get(ctx, "/v1/"+stamp.GetRevision(), nil, revision); err == nil {
			recipe, _ = blueprint.FromMessage(revision.GetRecipe()) // what was published is right
		}
		s.recipes[stamp.GetRevision()] = recipe
	}
	if recipe == nil {
		return "", false
	}
	schedule, _, ok := recipe.Backup(stamp.GetPlan())
	return schedule, ok
}

// overdue says whether a stamp's newest backup is older than two periods of its
// schedule.
func overdue(stamp *provisionerv1.Stamp, schedule string, now time.Time) (Finding, bool) {
	next, err := blueprint.NextTick(schedule, now)
	if err != nil {
		return Finding{}, false
	}
	after, err := blueprint.NextTick(schedule, next)
	if err != nil {
		return Finding{}, false
	}
	since, saw := stamp.GetCreateTime(), "has no backup, though its plan says "+schedule
	if stamp.GetLastBackupTime() != nil {
		since = stamp.GetLastBackupTime()
		saw = fmt.Sprintf("its newest backup is of %s, though its plan says %s", since.AsTime().Format(time.DateTime), schedule)
	}
	if now.Sub(since.AsTime()) <= 2*after.Sub(next) {
		return Finding{}, false
	}
	tenant := names.Short(strings.TrimSuffix(stamp.GetName(), "/stamp"))
	return Finding{
		Check: "backups", Level: fail, Saw: tenant + ": " + saw,
		Fix: "stamp backup create " + tenant + " --wait, which says what is in its way",
	}, true
}
