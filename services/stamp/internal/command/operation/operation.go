// Package operation is the commands `stamp operation …`: the changes that are
// going on, and those that were.
package operation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/noun"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/progress"
	"stampworks.dev/services/stamp/internal/session"
)

// Command is `stamp operation`.
func Command(s *session.Session) *cobra.Command {
	return noun.Group("operation", "Changes that are going on, and those that were",
		getCommand(s), listCommand(s), waitCommand(s), cancelCommand(s))
}

// Print writes one operation.
func Print(p *printer.Printer, op *longrunningpb.Operation) error {
	return printer.One(p, view(p.Now()), op)
}

// Name is the operation that is meant: "acme.1", or "acme" for its newest.
func Name(ctx context.Context, c *client.Client, text string) (string, error) {
	if strings.Contains(text, ".") {
		return names.Operation(text), nil
	}
	tenant := &registryv1.Tenant{}
	if err := c.Get(ctx, "/v1/"+names.Tenant(text), nil, tenant); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s.%d", names.Operation(names.Short(tenant.GetName())), tenant.GetGeneration()), nil
}

func view(now time.Time) printer.View[*longrunningpb.Operation] {
	of := func(cell func(*typev1.OperationMetadata) string) func(*longrunningpb.Operation) string {
		return func(op *longrunningpb.Operation) string {
			meta, err := progress.Metadata(op)
			if err != nil {
				return "?"
			}
			return cell(meta)
		}
	}
	return printer.View[*longrunningpb.Operation]{
		Name: (*longrunningpb.Operation).GetName,
		Columns: []printer.Column[*longrunningpb.Operation]{
			{Head: "OPERATION", Cell: func(op *longrunningpb.Operation) string { return strings.TrimPrefix(op.GetName(), "operations/") }},
			{Head: "KIND", Cell: of(func(m *typev1.OperationMetadata) string { return m.GetKind().String() })},
			{Head: "STATE", Cell: of(state)},
			{Head: "PROGRESS", Cell: of((*typev1.OperationMetadata).GetProgress)},
			{Head: "TOOK", Cell: of(func(m *typev1.OperationMetadata) string { return progress.Seconds(progress.Elapsed(m, now)) })},
			{Head: "AGE", Cell: of(func(m *typev1.OperationMetadata) string { return printer.Age(m.GetCreateTime(), now) })},
			{Head: "REVISION", Cell: of(func(m *typev1.OperationMetadata) string { return names.Short(m.GetRevision()) })},
			{Head: "PLAN", Wide: true, Cell: of((*typev1.OperationMetadata).GetPlan)},
			{Head: "CELL", Wide: true, Cell: of(func(m *typev1.OperationMetadata) string { return names.Short(m.GetCell()) })},
			{Head: "ATTEMPT", Wide: true, Cell: of(func(m *typev1.OperationMetadata) string { return fmt.Sprint(m.GetAttempt()) })},
			{Head: "TRACE", Wide: true, Cell: of((*typev1.OperationMetadata).GetTraceId)},
		},
	}
}

func state(m *typev1.OperationMetadata) string {
	words := m.GetState().String()
	if m.GetState() == typev1.OperationMetadata_FAILED {
		words += ": " + m.GetFailure().GetCode().String()
	}
	return words
}
