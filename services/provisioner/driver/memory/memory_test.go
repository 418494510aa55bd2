package memory_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/drivertest"
	"stampworks.dev/services/provisioner/driver/memory"
)

func TestConformance(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) drivertest.Fixture {
		d := memory.New(memory.Config{
			Job: runProgram,
			Lines: func(c driver.Component) []string {
				return c.Command[2:]
			},
		})
		return drivertest.Fixture{
			Driver: d,
			Reopen: func(*testing.T) driver.Driver { return d.Reopen() },
			Kill: func(t *testing.T, ref driver.Ref, component string) {
				if !d.Kill(ref.UID, component) {
					t.Errorf("%s did not run", component)
				}
			},
			Artifact: driver.Artifact{File: "memory", SHA256: strings.Repeat("0", 64)},
		}
	})
}

func runProgram(ctx context.Context, _ driver.Ref, _ driver.Manifest, job driver.Job) (driver.JobResult, error) {
	var out bytes.Buffer
	code := drivertest.Program(ctx, job.Command[1:], func(name string) string { return job.Env[name] }, &out)
	return driver.JobResult{
		ExitCode: code, TimedOut: ctx.Err() != nil,
		Output: strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"),
	}, nil
}

func TestFault(t *testing.T) {
	full := context.DeadlineExceeded
	d := memory.New(memory.Config{Fault: func(_ context.Context, c memory.Call) error {
		if c.Verb == "Reserve" {
			return full
		}
		return nil
	}})
	ref := driver.Ref{Tenant: "acme", UID: "u1", Token: 1}
	if _, err := d.Reserve(t.Context(), ref, driver.SiteRequest{}); !errors.Is(err, full) {
		t.Errorf("Reserve = %v, want the fault", err)
	}
	if got := d.Calls()["Reserve"]; got != 1 || len(d.Tenants()) != 0 {
		t.Errorf("%d calls and stamps %v, want 1 and none", got, d.Tenants())
	}
}
