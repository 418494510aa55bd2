package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/provisioner/driver/local"
)

// haltWithin is how long all stamps may take to stop.
const haltWithin = 90 * time.Second

// end is after the control plane: every customer is asked once more, and in
// the demo the stamps are stopped.
func (s *session) end(ctx context.Context) error {
	for _, c := range s.customers {
		s.say("%s: %s, with no control plane", c.name, ask(ctx, c.url))
	}
	if s.opts.Demo && !s.opts.Keep {
		return halt(ctx, s.opts.DataDir, s.opts.Out)
	}
	s.say("The copies go on. Stop them with: %s dev stop --data-dir %s", program(), s.opts.DataDir)
	return nil
}

// customer is somebody whose copy runs.
type customer struct{ name, url string }

// remember keeps who is served, to be asked when nobody else can tell.
func (s *session) remember(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		var list registryv1.ListTenantsResponse
		if s.api.Get(ctx, "/v1/tenants", nil, &list) == nil {
			s.customers = served(list.GetTenants())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func served(tenants []*registryv1.Tenant) []customer {
	var all []customer
	for _, t := range tenants {
		if t.GetState() == registryv1.Tenant_ACTIVE && t.GetStatus().GetUrl() != "" {
			all = append(all, customer{t.GetDisplayName(), t.GetStatus().GetUrl()})
		}
	}
	slices.SortFunc(all, func(a, b customer) int { return strings.Compare(a.name, b.name) })
	return all
}

// ask gives the status with which a customer's copy answers.
func ask(ctx context.Context, url string) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "no answer"
	}
	defer func() { _ = resp.Body.Close() }()
	return fmt.Sprint(resp.StatusCode)
}

// Stop is `stamp dev stop`: what goes on without a control plane is stopped.
// With one, each stamp would only be started again.
func Stop(ctx context.Context, dataDir string, out io.Writer) error {
	dir, err := filepath.Abs(dataDir)
	if err != nil {
		return fmt.Errorf("find data folder: %w", err)
	}
	unlock, err := layout{dir}.hold(0, "stamp dev runs on "+dataDir+" and keeps the copies running", "end it first, with Ctrl-C in its terminal")
	switch {
	case errors.Is(err, fs.ErrNotExist): // nobody ever ran here
	case err != nil:
		return err
	default:
		defer unlock()
	}
	return halt(ctx, dataDir, out)
}

// halt stops all stamps of a data folder and keeps their data.
func halt(ctx context.Context, dataDir string, out io.Writer) error {
	dir, err := filepath.Abs(dataDir)
	if err != nil {
		return fmt.Errorf("find data folder: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, haltWithin)
	defer cancel()
	halted, err := local.Halt(ctx, layout{dir}.cell())
	if err != nil {
		return err
	}
	noun := "stamps"
	if halted == 1 {
		noun = "stamp"
	}
	_, _ = fmt.Fprintf(out, "%d %s stopped; the data is kept in %s\n", halted, noun, dataDir)
	return nil
}
