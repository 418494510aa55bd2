package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/mapping"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/webhook"
)

// ErrEventReused says that the sender's id of a message is that of another one,
// about another deal or none: taken for a repeat, its deal would be lost.
var ErrEventReused = errs.New(errs.AlreadyExists, "EVENT_ID_REUSED", "the event id came before with another deal, or none: give each message an id of its own")

// notReused refuses a message whose event id came before with another deal. One
// about the same deal is a repeat, whatever else its sender writes into it anew.
func (d *Deliveries) notReused(ctx context.Context, from names.Source, name names.Delivery, m webhook.Message, now time.Time) error {
	before, err := d.backend.Get(ctx, d.bodyKey(name))
	if errors.Is(err, store.ErrNotFound) {
		return nil // it is the first
	}
	if err != nil {
		return fmt.Errorf("read body of %q: %w", name, err)
	}
	if bytes.Equal(before.Value, m.Body) {
		return nil
	}
	source, err := d.sources.Get(ctx, from)
	if err != nil {
		return err
	}
	// A rule that cannot be used is told of by what is worked on.
	if program, unusable := d.programs.of(source); unusable == nil {
		was, is := dealOf(ctx, program, source, before.Value, now), dealOf(ctx, program, source, m.Body, now)
		if is != "" && was != is {
			return ErrEventReused.Naming("delivery", name.String())
		}
	}
	return nil
}

// dealOf is the id of the deal that a body is about; empty when it names none.
func dealOf(ctx context.Context, p *mapping.Program, source *registryv1.Source, body []byte, now time.Time) string {
	event, err := mapping.Decode(body)
	if err != nil {
		return ""
	}
	deal, _ := p.Map(ctx, source.GetName(), event, now) // what else it lacks is said by who works on it
	return deal.ID
}
