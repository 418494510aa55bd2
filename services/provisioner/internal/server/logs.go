package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"stampworks.dev/pkg/errs"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/driver"
)

const defaultTail = 100

// ReadLogs streams log lines, oldest first; of several components one after
// the other, and side by side when following.
func (s *Server) ReadLogs(req *pb.ReadLogsRequest, to grpc.ServerStreamingServer[pb.ReadLogsResponse]) error {
	v, err := s.read(to.Context(), req.GetName())
	if err != nil {
		return err
	}
	d, peer, err := s.here(to.Context(), v.Value)
	if err != nil {
		return err
	}
	if d == nil {
		return forwardLogs(req, peer, to)
	}
	names, err := components(v.Value, req.GetComponent())
	if err != nil {
		return err
	}
	tail := int(req.GetTail())
	if tail == 0 {
		tail = defaultTail
	}
	var mu sync.Mutex
	send := func(component, line string) error {
		mu.Lock()
		defer mu.Unlock()
		return to.Send(&pb.ReadLogsResponse{Component: component, Line: line})
	}
	g, ctx := errgroup.WithContext(to.Context())
	if !req.GetFollow() {
		g.SetLimit(1)
	}
	for _, name := range names {
		g.Go(func() error {
			q := driver.LogQuery{Component: name, Tail: tail, Follow: req.GetFollow()}
			return lines(ctx, d, ref(v.Value), q, func(line string) error { return send(name, line) })
		})
	}
	return g.Wait()
}

// components are those asked for: one, or all.
func components(stamp *pb.Stamp, wanted string) ([]string, error) {
	var names []string
	for _, c := range stamp.GetComponents() {
		if wanted == "" || c.GetName() == wanted {
			names = append(names, c.GetName())
		}
	}
	if wanted != "" && len(names) == 0 {
		return nil, errs.New(errs.NotFound, "COMPONENT_NOT_FOUND", "the stamp has no component %q", wanted)
	}
	return names, nil
}

func lines(ctx context.Context, d driver.Driver, ref driver.Ref, q driver.LogQuery, send func(string) error) error {
	r, err := d.Logs(ctx, ref, q)
	if errs.Is(err, errs.NotFound) {
		return nil // it never ran
	}
	if err != nil {
		return fmt.Errorf("read logs of %q: %w", q.Component, err)
	}
	defer func() { _ = r.Close() }()
	if err := eachLine(r, send); err != nil && ctx.Err() == nil {
		return fmt.Errorf("read logs of %q: %w", q.Component, err)
	}
	return nil
}

func forwardLogs(req *pb.ReadLogsRequest, peer pb.StampServiceClient, to grpc.ServerStreamingServer[pb.ReadLogsResponse]) error {
	from, err := peer.ReadLogs(to.Context(), req)
	if err != nil {
		return err
	}
	for {
		line, err := from.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := to.Send(line); err != nil {
			return err
		}
	}
}
