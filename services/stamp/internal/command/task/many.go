package task

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"golang.org/x/sync/errgroup"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/progress"
	"stampworks.dev/services/stamp/internal/session"
	"stampworks.dev/services/stamp/internal/wait"
)

// ending is how a task came out for one customer.
type ending struct {
	tenant, operation, result, said string
}

// runMany runs a task for all customers that a filter chooses, several at a time,
// and gives a line for each, in the order of their names.
func runMany(ctx context.Context, o *options, task string) error {
	if !o.printer.ForPeople() && o.printer.Format != printer.Name {
		return exit.Usagef("-o %s: with --filter the results are a table, or -o name", o.Output)
	}
	chosen := &registryv1.ListTenantsResponse{}
	if err := client.List(ctx, o.client, "/v1/tenants", url.Values{"filter": {o.filter}}, true, chosen); err != nil {
		return err
	}
	if len(chosen.GetTenants()) == 0 {
		o.Say("no tenants: nothing was run")
		return nil
	}
	bounded, cancel := o.Bounded(ctx, session.DefaultWait)
	defer cancel()
	endings := make([]ending, len(chosen.GetTenants()))
	var all errgroup.Group
	all.SetLimit(o.parallel)
	for i, t := range chosen.GetTenants() {
		all.Go(func() error { endings[i] = runFor(bounded, o, t.GetName(), task); return nil })
	}
	_ = all.Wait() // each says its own
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := printer.List(o.printer, endingView, chosen, endings); err != nil {
		return err
	}
	return verdict(endings)
}

// runFor runs a task for one customer; what goes wrong is its ending.
func runFor(ctx context.Context, o *options, tenant, task string) ending {
	e := ending{tenant: names.Short(tenant)}
	failed := func(err error) ending {
		e.result, e.said = "FAILED", printer.Safe(err.Error())
		if errors.Is(err, context.DeadlineExceeded) {
			e.result, e.said = "GOING ON", "not done in time"
		}
		return e
	}
	if ctx.Err() != nil {
		e.result, e.said = "NOT BEGUN", "the time was up"
		return e
	}
	op, err := begin(ctx, o, tenant, task)
	if err != nil {
		return failed(err)
	}
	e.operation = names.Short(op.GetName())
	m, err := progress.Watch(ctx, o.client, op.GetName(), io.Discard, false)
	if err == nil {
		err = wait.Failed(op.GetName(), m)
	}
	if f := m.GetFailure(); err != nil && f.GetMessage() != "" {
		err = errors.New(cmp.Or(lastOf(f.GetEvidence()), f.GetMessage()))
	}
	if err != nil {
		return failed(err)
	}
	if err := o.client.Get(ctx, "/v1/"+op.GetName(), nil, op); err != nil {
		return failed(err)
	}
	res, err := resultOf(op)
	if err != nil {
		return failed(err)
	}
	e.result, e.said = "DONE", printer.Safe(lastOf(res.GetOutput()))
	return e
}

func lastOf(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

// verdict is an error when the task did not end well for one of them.
func verdict(all []ending) error {
	bad := 0
	for _, e := range all {
		if e.result != "DONE" {
			bad++
		}
	}
	if bad == 0 {
		return nil
	}
	return &exit.Error{Code: exit.OperationFailed, Message: fmt.Sprintf("it did not end well for %d of %d", bad, len(all)),
		Next: "see why with: stamp operation get OPERATION"}
}

var endingView = printer.View[ending]{
	Name: func(e ending) string { return e.tenant + " " + e.result },
	Columns: []printer.Column[ending]{
		{Head: "TENANT", Cell: func(e ending) string { return e.tenant }},
		{Head: "RESULT", Cell: func(e ending) string { return e.result }},
		{Head: "OPERATION", Cell: func(e ending) string { return e.operation }},
		{Head: "LAST LINE", Cell: func(e ending) string { return e.said }},
	},
}
