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
	return append(backups(ctx, c, list.GetStamps(), now), secrets(list.GetStamps())...)
}

// secrets finds the customers whose secrets cannot be opened; nothing is said when
// there are none.
func secrets(stamps []*provisionerv1.Stamp) []Finding {
	var sealed []string
	for _, s := range stamps {
		if cannotOpen(s) {
			sealed = append(sealed, names.Short(strings.TrimSuffix(s.GetName(), "/stamp")))
		}
	}
	if len(sealed) == 0 {
		return nil
	}
	saw := fmt.Sprintf("those of %d customers cannot be opened: %s", len(sealed), strings.Join(sealed[:min(len(sealed), named)], ", "))
	if len(sealed) > named {
		saw += " and others"
	}
	return []Finding{{Check: "secrets", Level: fail, Saw: saw, Fix: "bring back the provisioner's secrets.key (secret_key_file) with which they were sealed"}}
}

func cannotOpen(s *provisionerv1.Stamp) bool {
	return s.GetFailure().GetCode() == typev1.Failure_SECRET_UNREADABLE ||
		slices.ContainsFunc(s.GetObstacles(), func(o *typev1.Obstacle) bool { return o.GetCode() == typev1.Failure_SECRET_UNREADABLE.String() })
}
