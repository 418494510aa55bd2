// Package queue is the desk's job queue: a NATS server with JetStream that
// keeps jobs on disk, and the client's side of it for the app (which sends) and
// the worker (which takes).
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// ServerConfig says where the queue listens and keeps its jobs.
type ServerConfig struct {
	Listen string // host:port; port 0 is not supported
	Store  string // directory, made when missing
	Token  string // required from every client
}

// Serve runs the NATS server until ctx ends, then flushes it to disk.
func Serve(ctx context.Context, cfg ServerConfig, log *slog.Logger) error {
	if cfg.Token == "" || cfg.Store == "" {
		return errors.New("start queue: QUEUE_TOKEN and --store are required")
	}
	host, portText, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return fmt.Errorf("read --listen: %w", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return fmt.Errorf("read --listen: %w", err)
	}
	srv, err := server.NewServer(&server.Options{
		ServerName: "helpdesk", Host: host, Port: port, Authorization: cfg.Token,
		JetStream: true, StoreDir: cfg.Store, SyncAlways: true, // an acknowledged job survives a power cut
		JetStreamMaxMemory: 8 << 20, JetStreamMaxStore: 256 << 20,
		MaxPayload: 64 << 10, MaxConn: 64, NoSigs: true,
	})
	if err != nil {
		return fmt.Errorf("configure queue: %w", err)
	}
	srv.SetLoggerV2(natsLog{log}, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		srv.Shutdown()
		return fmt.Errorf("start queue: not listening on %s after 10s", cfg.Listen)
	}
	log.Info("listening", "addr", srv.Addr().String())
	<-ctx.Done()
	srv.Shutdown()
	srv.WaitForShutdown()
	return nil
}

// natsLog hands the server's lines to slog; its own info lines are noise here.
type natsLog struct{ log *slog.Logger }

func (l natsLog) Noticef(f string, v ...any) { l.log.Debug(fmt.Sprintf(f, v...)) }
func (l natsLog) Debugf(f string, v ...any)  { l.log.Debug(fmt.Sprintf(f, v...)) }
func (l natsLog) Tracef(f string, v ...any)  { l.log.Debug(fmt.Sprintf(f, v...)) }
func (l natsLog) Warnf(f string, v ...any)   { l.log.Warn(fmt.Sprintf(f, v...)) }
func (l natsLog) Errorf(f string, v ...any)  { l.log.Error(fmt.Sprintf(f, v...)) }
func (l natsLog) Fatalf(f string, v ...any)  { l.log.Error(fmt.Sprintf(f, v...)) }
