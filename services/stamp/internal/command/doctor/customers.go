package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/names"
)

// customers checks what no customer should be without.
func customers(ctx context.Context, c *client.Client, now time.Time) []Finding {
	list := &provisionerv1.ListStampsResponse{}
	if err := client.List(ctx, c, "/v1/tenants/-/stamps", nil, true, list); err != nil {
		return []Finding{{Check: "customers", Level: fail, Saw: first(err), Fix: "put right what is above first"}}
	}
	return append(backups(ctx, c, list.GetStamps(), now), troubled(list.GetStamps())...)
}

// troubles are what is wrong with a customer's copy that its health does not
// show, by the obstacle.
var troubles = []struct{ obstacle, check, saw, fix string }{
	{"SECRET_UNREADABLE", "secrets", "those of %d customers cannot be opened: %s", "bring back the provisioner's secrets.key (secret_key_file) with which they were sealed"},
	{"DATA_MISSING", "data", "that of %d customers is gone from its place: %s", "put it back where it was (stamp show TENANT names it), or make a new copy of the newest backup: stamp tenant create NEW --restore-from TENANT/BACKUP"},
}

// troubled finds the customers who have one; nothing is said when there are none.
func troubled(stamps []*provisionerv1.Stamp) (found []Finding) {
	for _, t := range troubles {
		var who []string
		for _, s := range stamps {
			if has(s, t.obstacle) {
				who = append(who, names.Short(strings.TrimSuffix(s.GetName(), "/stamp")))
			}
		}
		if len(who) == 0 {
			continue
		}
		list := strings.Join(who[:min(len(who), named)], ", ")
		if len(who) > named {
			list += " and others"
		}
		found = append(found, Finding{Check: t.check, Level: fail, Saw: fmt.Sprintf(t.saw, len(who), list), Fix: t.fix})
	}
	return found
}

func has(s *provisionerv1.Stamp, obstacle string) bool {
	return s.GetFailure().GetCode().String() == obstacle ||
		slices.ContainsFunc(s.GetObstacles(), func(o *typev1.Obstacle) bool { return o.GetCode() == obstacle })
}
