package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	stream   = "DESK"
	subject  = "desk.jobs"
	consumer = "worker"
)

// Broker is a connection to the queue that comes back by itself.
type Broker struct {
	conn *nats.Conn
	js   jetstream.JetStream
}

// Connect returns at once, also when the queue is away; calls then fail until
// it is back.
func Connect(url, name string, log *slog.Logger) (*Broker, error) {
	conn, err := nats.Connect(url, nats.Name(name), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(250*time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond), nats.Timeout(2*time.Second),
		nats.ReconnectBufSize(-1), nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("queue away", "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Debug("queue", "error", err) }))
	if err != nil {
		return nil, fmt.Errorf("connect to queue: %w", err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("use jetstream: %w", err)
	}
	return &Broker{conn, js}, nil
}

// Close ends the connection.
func (b *Broker) Close() { b.conn.Close() }

// Send puts one job into the queue and returns when it is on disk there. The
// queue drops a second job with the same id for two minutes.
func (b *Broker) Send(ctx context.Context, id string, job []byte) error {
	if !b.conn.IsConnected() {
		return errors.New("send job: queue is away")
	}
	_, err := b.js.Publish(ctx, subject, job, jetstream.WithMsgID(id))
	if errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders) {
		if _, err = b.stream(ctx); err == nil {
			_, err = b.js.Publish(ctx, subject, job, jetstream.WithMsgID(id))
		}
	}
	if err != nil {
		return fmt.Errorf("send job: %w", err)
	}
	return nil
}

// Take waits up to wait for a job and gives it to do. A job that fails, or
// whose worker dies, comes again; one that succeeds is gone.
func (b *Broker) Take(ctx context.Context, wait time.Duration, do func(context.Context, []byte) error) error {
	if !b.conn.IsConnected() {
		return errors.New("take job: queue is away")
	}
	st, err := b.stream(ctx)
	if err != nil {
		return err
	}
	c, err := st.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: 10 * time.Second, MaxAckPending: 16,
	})
	if err != nil {
		return fmt.Errorf("make consumer: %w", err)
	}
	for ctx.Err() == nil {
		if err := takeSome(ctx, c, wait, do); err != nil {
			return err
		}
	}
	return nil
}

// takeSome asks once, and stops asking when ctx ends.
func takeSome(ctx context.Context, c jetstream.Consumer, wait time.Duration, do func(context.Context, []byte) error) error {
	asking, done := context.WithTimeout(ctx, wait)
	defer done()
	batch, err := c.Fetch(8, jetstream.FetchContext(asking))
	if err != nil {
		return fmt.Errorf("take job: %w", err)
	}
	for msg := range batch.Messages() {
		if err := do(ctx, msg.Data()); err != nil {
			return errors.Join(err, msg.NakWithDelay(time.Second))
		}
		if err := msg.Ack(); err != nil {
			return fmt.Errorf("acknowledge job: %w", err)
		}
	}
	if err := batch.Error(); err != nil && !errors.Is(err, nats.ErrTimeout) && asking.Err() == nil {
		return fmt.Errorf("take job: %w", err)
	}
	return nil
}

func (b *Broker) stream(ctx context.Context) (jetstream.Stream, error) {
	st, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: stream, Subjects: []string{subject}, Storage: jetstream.FileStorage, Retention: jetstream.WorkQueuePolicy, Duplicates: 2 * time.Minute,
	})
	if err != nil {
		return nil, fmt.Errorf("make stream: %w", err)
	}
	return st, nil
}
