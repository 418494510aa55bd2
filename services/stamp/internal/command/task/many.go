package task

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

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

// The results, in the order in which they are counted.
const (
	done     = "DONE"
	ranBadly = "FAILED"
	goingOn  = "GOING ON"
	notBegun = "NOT BEGUN"
	skipped  = "SKIPPED"
)

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
	o.Say("%s", tally(endings))
	return verdict(endings)
}

// runFor runs a task for one customer; what goes wrong is its ending.
func runFor(ctx context.Context, o *options, tenant, task string) ending {
	e := ending{tenant: names.Short(tenant)}
	failed := func(err error) ending {
		e.result, e.said = ranBadly, printer.Safe(err.Error())
		if errors.Is(err, context.DeadlineExceeded) {
			e.result, e.said = goingOn, "not done in time"
		}
		return e
	}
	if ctx.Err() != nil {
		e.result, e.said = notBegun, "the time was up"
		return e
	}
	op, err := begin(ctx, o, tenant, task)
	if why := cannot(err); why != "" {
		e.result, e.said = skipped, printer.Safe(why)
		return e
	}
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
	e.result, e.said = done, printer.Safe(lastOf(res.GetOutput()))
	return e
}

func lastOf(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

// cannot says why a copy cannot run the task at all; empty when it can, or could.
func cannot(err error) string {
	var problem *client.Problem
	if begun := (*exit.Error)(nil); errors.As(err, &begun) && begun.Code == exit.NotFound {
		return begun.Message
	}
	if errors.As(err, &problem) && (problem.Reason == "STAMP_NOT_RUNNING" || problem.Reason == "STAMP_NOT_FOUND") {
		return problem.Detail
	}
	return ""
}

// tally counts the results: "DONE 3, FAILED 1, SKIPPED 2".
func tally(all []ending) string {
	var counts []string
	for _, result := range []string{done, ranBadly, goingOn, notBegun, skipped} {
		if n := count(all, result); n > 0 {
			counts = append(counts, fmt.Sprintf("%s %d", result, n))
		}
	}
	return strings.Join(counts, ", ")
}

func count(all []ending, result string) (n int) {
	for _, e := range all {
		if e.result == result {
			n++
		}
	}
	return n
}

// verdict is an error when the task did not end well for one of those that could
// run it, and when none could.
func verdict(all []ending) error {
	able := len(all) - count(all, skipped)
	bad := able - count(all, done)
	switch {
	case able == 0:
		return &exit.Error{Code: exit.NotFound, Message: fmt.Sprintf("it was run for none of %d: none of them can run it", len(all)),
			Next: "see which tasks a customer has with: stamp task TENANT"}
	case bad > 0:
		return &exit.Error{Code: exit.OperationFailed, Message: fmt.Sprintf("it did not end well for %d of %d", bad, able),
			Next: "see why with: stamp operation get OPERATION"}
	}
	return nil
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
