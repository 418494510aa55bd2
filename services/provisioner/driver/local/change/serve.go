package change

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"stampworks.dev/services/provisioner/driver/local/cgroup"
	"stampworks.dev/services/provisioner/driver/local/firewall"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/driver/local/process"
)

// serveWithin bounds a change: who asked may be gone.
const serveWithin = time.Minute

// server makes one change.
type server struct {
	request
	file *host.File
}

// Serve reads one change, makes it, and writes what became of it: the whole work
// of the program stamp-host. The error is that nobody could be told.
func Serve(in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), serveWithin)
	defer cancel()
	var s server
	if err := json.NewDecoder(in).Decode(&s.request); err != nil {
		return fmt.Errorf("read change: %w", err)
	}
	got, err := s.make(ctx)
	got.Failure = fail(err)
	if err := json.NewEncoder(out).Encode(got); err != nil {
		return fmt.Errorf("answer change: %w", err)
	}
	return nil
}

func (s *server) make(ctx context.Context) (got answer, err error) {
	if s.file, err = host.Open(s.Host); err != nil {
		return got, err
	}
	switch {
	case s.Clear:
		return got, s.file.Clear(ctx)
	case s.Reserve != nil:
		if got.Given, err = s.file.Reserve(ctx, *s.Reserve); err == nil {
			err = s.wall(ctx, got.Given)
		}
	case s.Wall != nil:
		if got.Stamps, err = s.lacking(ctx, s.Wall); err == nil {
			for _, a := range got.Stamps {
				err = errors.Join(err, s.wall(ctx, a))
			}
		}
	case s.Lacking != nil:
		got.Stamps, err = s.lacking(ctx, s.Lacking)
	case s.End != nil:
		err = s.end(ctx, *s.End)
	case s.Release != nil:
		err = s.file.Release(ctx, *s.Release, func(a host.Allocation) error { return s.unwall(ctx, a) })
	case s.Return != nil:
		got.Stamps, err = s.file.Return(ctx, s.Return)
	case s.Collect:
		err = s.file.Collect(ctx, func(o host.Orphan) bool { return s.collect(ctx, o, &got) })
	default:
		err = errors.New("make change: it is none of those that this program knows")
	}
	return got, err
}

// wall puts a stamp's elements into the firewall, if its numbers are still its own.
func (s *server) wall(ctx context.Context, a host.Allocation) error {
	if s.Walls.None || a.User == 0 {
		return nil
	}
	return s.file.While(ctx, a, func() error {
		if err := firewall.Allow(ctx, Owner(a)); err != nil || !s.Walls.Confine {
			return err
		}
		return firewall.Confine(ctx, Owner(a), s.Walls.Ports)
	})
}

func (s *server) unwall(ctx context.Context, a host.Allocation) error {
	if s.Walls.None || a.User == 0 {
		return nil
	}
	return errors.Join(firewall.Forget(ctx, Owner(a)), firewall.Release(ctx, Owner(a)))
}

// lacking gives those that are not, or not wholly, in the firewall.
func (s *server) lacking(ctx context.Context, all []host.Allocation) ([]host.Allocation, error) {
	return Lacking(all, func(owners []firewall.Owner) ([]firewall.Owner, error) {
		return firewall.Lacking(ctx, owners, s.Walls.Confine)
	})
}

// end ends what runs as a stamp's user, as long as it is the stamp's.
func (s *server) end(ctx context.Context, a host.Allocation) error {
	return process.EndGuarded(ctx,
		func(round func() error) error { return s.file.While(ctx, a, round) },
		func() ([]int, error) { return process.OfUser(a.User) })
}

// collect says whether nothing is left of a stamp whose data directory is gone,
// and removes what it had on the host.
func (s *server) collect(ctx context.Context, o host.Orphan, got *answer) bool {
	if o.User != 0 {
		running, err := process.OfUser(o.User)
		if err != nil || len(running) > 0 {
			got.Orphans = append(got.Orphans, Orphan{Stamp: o.String(), PIDs: running, Error: text(err)})
			return false
		}
	}
	err := errors.Join(cgroup.Of(s.Groups, o.Instance, o.Tenant).Remove(), s.unwall(ctx, o.Allocation))
	if err != nil {
		got.Orphans = append(got.Orphans, Orphan{Stamp: o.String(), Error: text(err)})
	}
	return err == nil
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
