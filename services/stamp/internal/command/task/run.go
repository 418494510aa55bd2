package task

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/operation"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/wait"
)

// begin asks for a task.
func begin(ctx context.Context, o *options, tenant, task string) (*longrunningpb.Operation, error) {
	op := &longrunningpb.Operation{}
	err := o.client.Post(ctx, "/v1/"+tenant+"/stamp:runTask", nil, &provisionerv1.RunTaskRequest{Name: tenant + "/stamp", Task: task}, op)
	var problem *client.Problem
	if errors.As(err, &problem) && problem.Reason == "TASK_NOT_FOUND" {
		return nil, &exit.Error{Code: exit.NotFound, Message: err.Error(), Next: "see them with: stamp task " + names.Short(tenant)}
	}
	return op, err
}

func runOne(ctx context.Context, o *options, tenant, task string) error {
	op, err := begin(ctx, o, tenant, task)
	if talks(err) {
		return attach(ctx, o, tenant, task)
	}
	if err != nil {
		return err
	}
	if !o.wait {
		o.Say("begun; look with: stamp operation wait %s", strings.TrimPrefix(op.GetName(), "operations/"))
		return operation.Print(o.printer, op)
	}
	if _, err := wait.For(ctx, o.Session, o.client, op.GetName()); err != nil {
		return err
	}
	if err := o.client.Get(ctx, "/v1/"+op.GetName(), nil, op); err != nil {
		return err
	}
	if !o.printer.ForPeople() {
		return operation.Print(o.printer, op)
	}
	res, err := resultOf(op)
	if err != nil {
		return err
	}
	for _, line := range res.GetOutput() {
		if _, err := fmt.Fprintln(o.Out, printer.Safe(line)); err != nil {
			return err
		}
	}
	return nil
}

// resultOf is what a task that succeeded came to.
func resultOf(op *longrunningpb.Operation) (*provisionerv1.TaskResult, error) {
	res := &provisionerv1.TaskResult{}
	if err := op.GetResponse().UnmarshalTo(res); err != nil {
		return nil, fmt.Errorf("decode response of %s: %w", op.GetName(), err)
	}
	return res, nil
}
