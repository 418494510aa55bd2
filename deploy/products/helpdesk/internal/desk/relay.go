package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

const (
	relayEvery = time.Second
	// lostAfter is when a sent job whose result never came is sent again. It is
	// longer than the queue remembers ids, or it would drop the second one.
	lostAfter = 3 * time.Minute
)

// Sender puts a job into the queue and returns when it is safe there.
type Sender interface {
	Send(ctx context.Context, id string, job []byte) error
}

// Relay sends filed jobs to the queue until ctx ends. While the queue or the
// database is away it tries again every second; no job is lost.
func (d *Desk) Relay(ctx context.Context, to Sender) error {
	tick := time.NewTicker(relayEvery)
	defer tick.Stop()
	failing := false
	for {
		n, err := d.relayOnce(ctx, to)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !failing {
			d.log.Warn("relay waiting", "error", err)
		} else if err == nil && failing {
			d.log.Info("relay again", "sent", n)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-d.wake:
		case <-tick.C:
		}
	}
}

func (d *Desk) relayOnce(ctx context.Context, to Sender) (sent int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	jobs, err := d.db.Unsent(ctx, lostAfter, 100)
	if err != nil {
		return 0, err
	}
	for _, j := range jobs {
		data, err := json.Marshal(j)
		if err != nil {
			return sent, fmt.Errorf("encode job: %w", err)
		}
		if err := to.Send(ctx, j.ID, data); err != nil {
			return sent, err
		}
		if err := d.db.Sent(ctx, j.ID); err != nil {
			return sent, err
		}
		sent++
	}
	return sent, nil
}
