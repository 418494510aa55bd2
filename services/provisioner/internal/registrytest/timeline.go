package registrytest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// ReportEvent keeps entries by their operation and action: the same again makes
// no second one.
func (r *Registry) ReportEvent(_ context.Context, req *registryv1.ReportEventRequest) (*registryv1.ReportEventResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := strings.TrimPrefix(req.GetName(), "tenants/")
	if r.tenants[id].GetUid() != req.GetUid() {
		return nil, errs.New(errs.NotFound, "TENANT_NOT_FOUND", "no %s", req.GetName())
	}
	if r.timeline[id] == nil {
		r.timeline[id] = map[string]*registryv1.TimelineEntry{}
	}
	r.timeline[id][req.GetOperation()+" "+req.GetEntry().GetAction()] = req.GetEntry()
	return &registryv1.ReportEventResponse{}, nil
}

// Timeline lists what was told of a tenant's stamp, in the order of actions: who,
// what, and in which words.
func (r *Registry) Timeline(id string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for key, e := range r.timeline[id] {
		operation, _, _ := strings.Cut(strings.TrimPrefix(key, "operations/"), " ")
		all = append(all, fmt.Sprintf("%s %s %s: %s", operation, e.GetAction(), e.GetPrincipal(), e.GetMessage()))
	}
	slices.Sort(all)
	return all
}
