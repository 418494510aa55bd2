package tenant

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/progress"
)

// followEvery is how often the timeline is asked for what is new.
const followEvery = 2 * time.Second

// followTimeline prints the newest entries, the newest last, and then what comes.
// That nobody answers for a while ends nothing: what was missed is there after.
func followTimeline(ctx context.Context, o *timelineOptions, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	seen, away := map[string]bool{}, false
	for first := true; ; first = false {
		fresh, err := o.unseen(ctx, seen, !first)
		switch {
		case ctx.Err() != nil:
			return exit.Said(exit.Interrupted)
		case err != nil && (first || !progress.Passing(err)):
			return err
		case err != nil && !away:
			o.Say("nobody answers; what is missed meanwhile is shown after: %v", err)
		}
		away = err != nil
		for _, e := range fresh {
			if err := o.one(e); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return exit.Said(exit.Interrupted)
		case <-tick.C:
		}
	}
}

// unseen reads the entries that were not shown, the oldest first: of one page, or,
// to miss nothing, of all pages down to what was.
func (o *timelineOptions) unseen(ctx context.Context, seen map[string]bool, down bool) ([]*registryv1.TimelineEntry, error) {
	query := url.Values{"page_size": {strconv.Itoa(o.limit)}}
	var fresh []*registryv1.TimelineEntry
	for {
		page := &registryv1.ListTimelineResponse{}
		if err := o.client.Get(ctx, "/v1/"+o.name+"/timeline", query, page); err != nil {
			return nil, err
		}
		before := len(fresh)
		for _, e := range page.GetTimelineEntries() {
			if !seen[e.GetName()] {
				fresh = append(fresh, e)
			}
		}
		whole := len(fresh)-before == len(page.GetTimelineEntries())
		if !down || !whole || page.GetNextPageToken() == "" {
			break
		}
		query.Set("page_token", page.GetNextPageToken())
	}
	for _, e := range fresh {
		seen[e.GetName()] = true
	}
	slices.Reverse(fresh)
	return fresh, nil
}

// one prints an entry: a line for people.
func (o *timelineOptions) one(e *registryv1.TimelineEntry) error {
	if !o.printer.ForPeople() {
		return printer.One(o.printer, entryView(o.printer.Now()), e)
	}
	_, err := fmt.Fprintf(o.Out, "%s  %-18s  %-20s  %s\n", e.GetCreateTime().AsTime().Format(time.RFC3339),
		printer.Safe(e.GetAction()), printer.Safe(e.GetPrincipal()), printer.Safe(e.GetMessage()))
	return err
}
