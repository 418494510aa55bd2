package show

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/progress"
)

// entries is how much of the timeline fits.
const entries = 8

// everything about one tenant. What could not be read is nil, and missing
// says why: one service that is away must not hide what the others know.
type everything struct {
	tenant *registryv1.Tenant
	stamp  *provisionerv1.Stamp
	health *healthv1.TenantHealth
	// change is the operation of the present generation, operation the newest of
	// all, which may be work without one, such as a backup.
	change, operation *longrunningpb.Operation
	changeMeta, meta  *typev1.OperationMetadata
	timeline          *registryv1.ListTimelineResponse
	backups           *provisionerv1.ListBackupsResponse
	missing           []string
}

func read(ctx context.Context, c *client.Client, name string) (*everything, error) {
	all := &everything{tenant: &registryv1.Tenant{}}
	if err := c.Get(ctx, "/v1/"+name, nil, all.tenant); err != nil {
		return nil, err
	}
	stamp, health := &provisionerv1.Stamp{}, &healthv1.TenantHealth{}
	change, newest, timeline := &longrunningpb.Operation{}, &longrunningpb.ListOperationsResponse{}, &registryv1.ListTimelineResponse{}
	backups := &provisionerv1.ListBackupsResponse{}
	parts := []part{
		{what: "the stamp", path: "/v1/" + name + "/stamp", into: stamp, keep: func() { all.stamp = stamp }},
		{what: "health", path: "/v1/" + name + "/health", into: health, keep: func() { all.health = health }},
		{what: "the operation", path: fmt.Sprintf("/v1/operations/%s.%d", names.Short(name), all.tenant.GetGeneration()), into: change, keep: func() { all.change = change }},
		{what: "the last operation", path: "/v1/operations", query: lastOf(name), into: newest, keep: func() {
			if len(newest.GetOperations()) > 0 {
				all.operation = newest.GetOperations()[0]
			}
		}},
		{what: "the timeline", path: "/v1/" + name + "/timeline", query: url.Values{"page_size": {fmt.Sprint(entries)}}, into: timeline, keep: func() { all.timeline = timeline }},
		{what: "the backups", path: "/v1/" + name + "/backups", query: url.Values{"page_size": {"1000"}}, into: backups, keep: func() { all.backups = backups }},
	}
	var group sync.WaitGroup
	for i := range parts {
		group.Go(func() { parts[i].err = c.Get(ctx, parts[i].path, parts[i].query, parts[i].into) })
	}
	group.Wait()
	for _, p := range parts {
		all.take(p)
	}
	if err := all.chooseLast(); err != nil {
		return nil, err
	}
	return all, nil
}

// lastOf asks for the newest operation of a tenant.
func lastOf(name string) url.Values {
	return url.Values{"filter": {fmt.Sprintf("metadata.tenant = %q", name)}, "page_size": {"1"}}
}

// chooseLast settles which operation is the last: the newest that there is, or the
// change that is wished for while that has not ended, or has no record.
func (e *everything) chooseLast() (err error) {
	if e.changeMeta, err = progress.Metadata(e.change); err != nil {
		return err
	}
	if e.operation == nil || e.change != nil && !e.change.GetDone() {
		e.operation = e.change
	}
	e.meta, err = progress.Metadata(e.operation)
	return err
}

// errand says whether the last operation is another than the last change.
func (e *everything) errand() bool {
	return e.change != nil && e.operation.GetName() != e.change.GetName()
}

type part struct {
	what, path string
	query      url.Values
	into       proto.Message
	keep       func()
	err        error
}

// take keeps a part that was read. That there is none yet needs no word.
func (e *everything) take(p part) {
	var problem *client.Problem
	switch {
	case p.err == nil:
		p.keep()
	case errors.As(p.err, &problem) && problem.Status == http.StatusNotFound:
	default:
		e.missing = append(e.missing, p.what+": "+p.err.Error())
	}
}

// encode gives all parts in one object, each as the API gives it.
func (e *everything) encode() (json.RawMessage, error) {
	var out bytes.Buffer
	out.WriteString("{")
	write := func(key string, m proto.Message, there bool) error {
		text := json.RawMessage("null")
		if there {
			var err error
			if text, err = printer.Encode(m); err != nil {
				return err
			}
		}
		if out.Len() > 1 {
			out.WriteString(",")
		}
		fmt.Fprintf(&out, "%q:%s", key, text)
		return nil
	}
	err := errors.Join(
		write("tenant", e.tenant, true), write("stamp", e.stamp, e.stamp != nil), write("health", e.health, e.health != nil),
		write("operation", e.change, e.change != nil), write("lastOperation", e.operation, e.operation != nil), write("timeline", e.timeline, e.timeline != nil),
		write("backups", e.backups, e.backups != nil))
	out.WriteString("}")
	return out.Bytes(), err
}
