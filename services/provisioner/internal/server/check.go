package server

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"stampworks.dev/pkg/errs"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/render"
	"stampworks.dev/services/provisioner/internal/secrets"
)

// checkWithin bounds an exec probe.
const checkWithin = 10 * time.Second

// CheckComponent runs a component's exec probe in its place, or tells whether
// its process runs.
func (s *Server) CheckComponent(ctx context.Context, req *pb.CheckComponentRequest) (*pb.CheckComponentResponse, error) {
	v, err := s.read(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	d, peer, err := s.here(ctx, v.Value)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return peer.CheckComponent(ctx, req)
	}
	if _, err := components(v.Value, req.GetComponent()); err != nil {
		return nil, err
	}
	obs, err := d.Observe(ctx, ref(v.Value))
	if err != nil {
		return nil, fmt.Errorf("observe stamp: %w", err)
	}
	if c := obs.Components[req.GetComponent()]; !c.Running {
		said := "its process does not run"
		if c.LastExit != "" {
			said += ": " + c.LastExit
		}
		return &pb.CheckComponentResponse{Message: said}, nil
	}
	return s.probe(ctx, d, v.Value, req.GetComponent())
}

// probe runs the component's exec probe, when it has one. The process runs.
func (s *Server) probe(ctx context.Context, d driver.Driver, stamp *pb.Stamp, component string) (*pb.CheckComponentResponse, error) {
	tenant := record.TenantID(stamp.GetName())
	values, err := s.Vault.Read(ctx, tenant, stamp.GetTenantUid())
	if err != nil {
		return nil, err
	}
	form, site, err := kept(stamp, component, values)
	if err != nil {
		return nil, err
	}
	p := form.Component.Live
	if p == nil {
		p = form.Component.Ready
	}
	if p == nil || len(p.Command) == 0 {
		return &pb.CheckComponentResponse{Ok: true, Message: "its process runs"}, nil
	}
	m, err := render.Kept(stamp, site, values, tenant, component)
	if err != nil {
		return nil, err
	}
	res, err := d.RunJob(ctx, ref(stamp), m, driver.Job{
		ID: component + ".live", Component: component, Command: p.Command, Env: form.Component.Env, Timeout: checkWithin, Unrecorded: true,
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("run probe of %q: %w", component, err)
	case res.TimedOut:
		return &pb.CheckComponentResponse{Message: fmt.Sprintf("the probe did not end within %v", checkWithin)}, nil
	case res.ExitCode != 0:
		said := fmt.Sprintf("the probe ended with exit code %d", res.ExitCode)
		if n := len(res.Output); n > 0 {
			said += ": " + secrets.Masks(values).Replace(res.Output[n-1])
		}
		return &pb.CheckComponentResponse{Message: said}, nil
	}
	return &pb.CheckComponentResponse{Ok: true, Message: "the probe ended with 0"}, nil
}

// kept gives what the ledger has of a component, and of the site.
func kept(stamp *pb.Stamp, component string, values map[string]secrets.Secret) (render.Form, driver.Site, error) {
	var form render.Form
	var site struct {
		Site driver.Site `json:"site"`
	}
	for _, e := range stamp.GetLedger() {
		switch {
		case e.GetKind() == "site":
			if err := json.Unmarshal([]byte(e.GetRendered()), &site); err != nil {
				return form, site.Site, fmt.Errorf("read ledger of the site: %w", err)
			}
		case e.GetName() == component:
			f, err := render.KeptForm(e, values)
			if err != nil {
				return form, site.Site, err
			}
			form = f
		}
	}
	if len(form.Component.Command) == 0 {
		return form, site.Site, errs.New(errs.NotFound, "COMPONENT_NOT_FOUND", "the stamp has no component %q yet", component)
	}
	return form, site.Site, nil
}
