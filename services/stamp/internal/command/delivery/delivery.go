// Package delivery is the commands `stamp delivery …`: what CRMs sent, and
// what it led to.
package delivery

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/noun"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

// Command is `stamp delivery`.
func Command(s *session.Session) *cobra.Command {
	return noun.Group("delivery", "Messages of CRMs, and what each led to",
		listCommand(s), getCommand(s), replayCommand(s), approveCommand(s))
}

// View shows deliveries.
func View(now time.Time) printer.View[*registryv1.Delivery] {
	return printer.View[*registryv1.Delivery]{
		Name: (*registryv1.Delivery).GetName,
		Columns: []printer.Column[*registryv1.Delivery]{
			{Head: "DELIVERY", Cell: func(d *registryv1.Delivery) string { return names.Short(d.GetName()) }},
			{Head: "DEAL", Cell: (*registryv1.Delivery).GetDealId},
			{Head: "OUTCOME", Cell: Outcome},
			{Head: "TENANT", Cell: func(d *registryv1.Delivery) string { return names.Short(d.GetTenant()) }},
			{Head: "AGE", Cell: func(d *registryv1.Delivery) string { return printer.Age(d.GetCreateTime(), now) }},
			{Head: "REPEATS", Cell: func(d *registryv1.Delivery) string { return strconv.Itoa(int(d.GetRepeats())) }},
			{Head: "WHY", Cell: why},
			{Head: "EVENT", Wide: true, Cell: (*registryv1.Delivery).GetEventId},
			{Head: "ATTEMPTS", Wide: true, Cell: func(d *registryv1.Delivery) string { return strconv.Itoa(int(d.GetAttempts())) }},
			{Head: "TRACE", Wide: true, Cell: (*registryv1.Delivery).GetTraceId},
		},
	}
}

// Outcome of a delivery, in its own word.
func Outcome(d *registryv1.Delivery) string {
	if d.GetOutcome() == registryv1.Delivery_OUTCOME_UNSPECIFIED {
		return "WAITING"
	}
	return d.GetOutcome().String()
}

func why(d *registryv1.Delivery) string {
	if d.GetField() != "" && !strings.Contains(d.GetReason(), d.GetField()) {
		return d.GetField() + ": " + d.GetReason()
	}
	return d.GetReason()
}

// fullName finds the delivery that is meant: its whole name, or
// "source/beginning-of-its-id" as lists show it.
func fullName(ctx context.Context, c *client.Client, text string) (string, error) {
	if strings.HasPrefix(text, "sources/") {
		return text, nil
	}
	source, id, ok := strings.Cut(text, "/")
	if !ok || id == "" {
		return "", exit.Usagef("%q: want SOURCE/ID, as \"stamp delivery list\" shows it", text)
	}
	list := &registryv1.ListDeliveriesResponse{}
	if err := client.List(ctx, c, "/v1/sources/"+url.PathEscape(source)+"/deliveries", nil, true, list); err != nil {
		return "", err
	}
	var found []string
	for _, d := range list.GetDeliveries() {
		if strings.HasPrefix(d.GetName(), "sources/"+source+"/deliveries/"+id) {
			found = append(found, d.GetName())
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", &exit.Error{Code: exit.NotFound, Message: "no delivery " + text, Next: "see what there is with: stamp delivery list"}
	}
	return "", exit.Usagef("%q is the beginning of %d deliveries: give more of it", text, len(found))
}
