package memory_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/drivertest"
	"stampworks.dev/services/provisioner/driver/memory"
)

func TestConformance(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) drivertest.Fixture {
		disk := &memory.Disk{}
		d := memory.New(memory.Config{
			Disk: disk,
			Job: func(ctx context.Context, ref driver.Ref, m driver.Manifest, job driver.Job) (driver.JobResult, error) {
				if job.Command[1] == "put" || job.Command[1] == "get" {
					return disk.Job(ctx, ref, m, job)
				}
				if job.Command[1] == "wait" {
					return waitOn(ctx, disk, job.Command[2:])
				}
				return runProgram(ctx, ref, m, job)
			},
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
			Damage: func(t *testing.T, of driver.BackupRef) {
				if !d.Damage(of) {
					t.Errorf("no backup %+v", of)
				}
			},
			Pin: func(_ *testing.T, site driver.Site, ref driver.Ref) (string, func()) {
				d.Pin(ref.UID, site.Volumes["a.data"])
				return site.Volumes["a.data"], func() { d.Pin(ref.UID, "") }
			},
			Small: func(*testing.T) driver.Driver {
				return memory.New(memory.Config{Allocatable: map[string]int64{"stamps": 1}})
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

// waitOn is the suite's command wait, of files on the disk.
func waitOn(ctx context.Context, disk *memory.Disk, files []string) (driver.JobResult, error) {
	disk.Put(files[0], "")
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return driver.JobResult{ExitCode: 1}, nil
		case <-tick.C:
		}
		if _, open := disk.Get(files[1]); open {
			disk.Put(files[2], "")
			return driver.JobResult{}, nil
		}
	}
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

// TestDataComesBack is how a test of the engine proves it: a backup and a
// restore are commands of the blueprint, and the data is on the disk.
func TestDataComesBack(t *testing.T) {
	disk := &memory.Disk{}
	d := memory.New(memory.Config{Disk: disk, Job: disk.Job})
	ref := driver.Ref{Tenant: "acme", UID: "u1", Token: 1}
	site, err := d.Reserve(t.Context(), ref, driver.SiteRequest{Components: map[string][]string{"db": {"data"}}})
	if err != nil {
		t.Fatal(err)
	}
	volume := site.Volumes["db.data"]
	job := func(id string, command ...string) {
		t.Helper()
		m := driver.Manifest{Components: map[string]driver.Component{"db": {}}}
		if r, err := d.RunJob(t.Context(), ref, m, driver.Job{ID: id, Component: "db", Command: command}); err != nil || r.ExitCode != 0 {
			t.Fatalf("job %s: %+v, %v", id, r, err)
		}
	}
	disk.Put(volume+"/tickets", "one open")
	job("backup", "tool", "copy", volume, site.Backup)
	kept, err := d.KeepBackup(t.Context(), ref, "b-1", nil)
	if err != nil || kept.Files != 1 || kept.SizeBytes != 8 {
		t.Fatalf("kept %+v, %v", kept, err)
	}
	if err := d.ClearBackup(t.Context(), ref); err != nil || len(disk.Files(site.Backup)) != 0 {
		t.Errorf("cleared: %v, %v", disk.Files(site.Backup), err)
	}
	disk.Put(volume+"/tickets", "none")
	disk.Put(volume+"/later", "x")
	if err := d.FetchBackup(t.Context(), ref, driver.BackupRef{Tenant: "acme", UID: "u1", ID: "b-1", Digest: kept.Digest}); err != nil {
		t.Fatal(err)
	}
	job("restore", "tool", "copy", site.Backup, volume)
	if got := disk.Files(volume); len(got) != 1 || got["tickets"] != "one open" {
		t.Errorf("after the restore %v", got)
	}
	if err := d.Destroy(t.Context(), ref); err != nil || len(disk.Files(site.Dir)) != 0 || len(d.Backups()) != 1 {
		t.Errorf("destroyed: files %v, backups %v, %v", disk.Files(site.Dir), d.Backups(), err)
	}
}
