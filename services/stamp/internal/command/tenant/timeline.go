package tenant

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type timelineOptions struct {
	*session.Session
	client  *client.Client
	printer *printer.Printer
	name    string
	limit   int
	token   string
	all     bool
	follow  bool
}

func timelineCommand(s *session.Session) *cobra.Command {
	o := &timelineOptions{Session: s}
	cmd := &cobra.Command{
		Use:   "timeline TENANT",
		Short: "Read who changed what about a customer, when and why",
		Long: `Read who changed what about a customer, when and why, the newest first. It is kept for 30 days, and
after a purge too. --follow shows the newest last, and what comes, until Ctrl-C.`,
		Example: `  stamp tenant timeline acme
  stamp tenant timeline acme --all -o json
  stamp tenant timeline acme --follow --limit 10`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.name = names.Tenant(args[0])
			if o.limit < 1 || o.limit > 1000 {
				return exit.Usagef("--limit %d: want 1 to 1000", o.limit)
			}
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			if o.follow {
				if o.all || o.token != "" {
					return exit.Usagef("--follow shows what comes: it takes neither --all nor --page-token")
				}
				return followTimeline(cmd.Context(), o, followEvery)
			}
			return runTimeline(cmd.Context(), o)
		},
	}
	cmd.Flags().IntVar(&o.limit, "limit", 50, "how many entries of a page")
	cmd.Flags().StringVar(&o.token, "page-token", "", "go on where the page before ended")
	cmd.Flags().BoolVar(&o.all, "all", false, "every page, not just the first")
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on until Ctrl-C, the newest last")
	return cmd
}

func runTimeline(ctx context.Context, o *timelineOptions) error {
	query := url.Values{"page_size": {strconv.Itoa(o.limit)}}
	if o.token != "" {
		query.Set("page_token", o.token)
	}
	list := &registryv1.ListTimelineResponse{}
	if err := client.List(ctx, o.client, "/v1/"+o.name+"/timeline", query, o.all, list); err != nil {
		return err
	}
	switch {
	case len(list.GetTimelineEntries()) == 0:
		o.Say("nothing in the last 30 days")
	case list.GetNextPageToken() != "":
		o.Say("the newest %d; what is older with: --all, or --page-token %s", len(list.GetTimelineEntries()), list.GetNextPageToken())
	}
	return printer.List(o.printer, entryView(o.printer.Now()), list, list.GetTimelineEntries())
}

func entryView(now time.Time) printer.View[*registryv1.TimelineEntry] {
	return printer.View[*registryv1.TimelineEntry]{
		Name: (*registryv1.TimelineEntry).GetName,
		Columns: []printer.Column[*registryv1.TimelineEntry]{
			{Head: "AGE", Cell: func(e *registryv1.TimelineEntry) string { return printer.Age(e.GetCreateTime(), now) }},
			{Head: "TIME", Wide: true, Cell: func(e *registryv1.TimelineEntry) string { return e.GetCreateTime().AsTime().Format(time.RFC3339) }},
			{Head: "WHAT", Cell: (*registryv1.TimelineEntry).GetAction},
			{Head: "WHO", Cell: (*registryv1.TimelineEntry).GetPrincipal},
			{Head: "MESSAGE", Cell: (*registryv1.TimelineEntry).GetMessage},
			{Head: "FIELDS", Wide: true, Cell: func(e *registryv1.TimelineEntry) string { return strings.Join(e.GetFields(), ",") }},
			{Head: "TRACE", Wide: true, Cell: (*registryv1.TimelineEntry).GetTraceId},
		},
	}
}
