package provisioner_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
)

// echo says what is typed, and how it was started; "exit 7" ends it.
func echo(ctx context.Context, _ driver.Ref, _ driver.Manifest, job driver.Job, s driver.Session) (driver.JobResult, error) {
	said := strings.Join(job.Command, " ") + " " + job.Env["TERM"]
	if err := s.Output([]byte(said)); err != nil {
		return driver.JobResult{}, err
	}
	for {
		select {
		case one, more := <-s.Input:
			switch {
			case !more:
				return driver.JobResult{ExitCode: 4}, s.Errors([]byte("no more"))
			case one.Size != nil:
				said = fmt.Sprintf("%dx%d", one.Size.Rows, one.Size.Columns)
			case string(one.Typed) == "exit 7":
				return driver.JobResult{ExitCode: 7}, nil
			default:
				said = string(one.Typed)
			}
			if err := s.Output([]byte(said)); err != nil {
				return driver.JobResult{}, err
			}
		case <-ctx.Done():
			return driver.JobResult{ExitCode: -1}, nil
		}
	}
}

// talkingPlant has two replicas; the customer is in the cell of the first.
func talkingPlant(t *testing.T) (p *plant, near, far pb.StampServiceClient) {
	t.Helper()
	p = newPlant(t)
	p.revision = p.registry.Publish(t, tended)
	conn := p.start("one", memory.New(memory.Config{Attach: echo}))
	p.create("acme")
	near = pb.NewStampServiceClient(conn)
	p.wait(longrunningpb.NewOperationsClient(conn), "operations/acme.1")
	return p, near, pb.NewStampServiceClient(p.start("two", memory.New(memory.Config{FirstPort: 30000})))
}

type conversation struct {
	grpc.BidiStreamingClient[pb.AttachTaskRequest, pb.AttachTaskResponse]
	t *testing.T
}

func converse(t *testing.T, ctx context.Context, stamps pb.StampServiceClient, begin *pb.AttachTaskRequest_Begin) conversation {
	t.Helper()
	stream, err := stamps.AttachTask(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c := conversation{stream, t}
	c.send(&pb.AttachTaskRequest{Input: &pb.AttachTaskRequest_Begin_{Begin: begin}})
	return c
}

func (c conversation) send(req *pb.AttachTaskRequest) {
	c.t.Helper()
	if err := c.Send(req); err != nil && !errors.Is(err, io.EOF) {
		c.t.Fatal(err)
	}
}

func typed(text string) *pb.AttachTaskRequest {
	return &pb.AttachTaskRequest{Input: &pb.AttachTaskRequest_Data{Data: []byte(text)}}
}

// hears wants the next message to say so: text, or "started", or "exit N".
func (c conversation) hears(want string) {
	c.t.Helper()
	res, err := c.Recv()
	got := string(res.GetData()) + string(res.GetErrorData())
	switch {
	case err != nil:
		c.t.Fatalf("instead of %q: %v", want, err)
	case res.GetStarted() != nil:
		got = "started"
	case res.GetResult() != nil:
		got = fmt.Sprintf("exit %d", res.GetResult().GetExitCode())
	}
	if got != want {
		c.t.Fatalf("heard %q, want %q", got, want)
	}
}

func TestAttachTask(t *testing.T) {
	p, near, far := talkingPlant(t)
	for name, stamps := range map[string]pb.StampServiceClient{"where the cell is": near, "passed on": far} {
		begin := &pb.AttachTaskRequest_Begin{Name: acme, Task: "shell", Terminal: &pb.TerminalSize{Rows: 24, Columns: 80}, Term: "vt100"}
		c := converse(t, p.as("operator"), stamps, begin)
		c.hears("started")
		c.hears("tended shell vt100")
		c.send(typed("hello"))
		c.hears("hello")
		c.send(&pb.AttachTaskRequest{Input: &pb.AttachTaskRequest_Resize{Resize: &pb.TerminalSize{Rows: 50, Columns: 132}}})
		c.hears("50x132")
		c.send(typed("exit 7"))
		c.hears("exit 7")
		if _, err := c.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: after the end: %v", name, err)
		}
		c = converse(t, p.as("admin"), stamps, &pb.AttachTaskRequest_Begin{Name: acme, Task: "shell"})
		c.hears("started")
		c.hears("tended shell ")
		c.send(&pb.AttachTaskRequest{Input: &pb.AttachTaskRequest_End{End: true}})
		c.hears("no more")
		c.hears("exit 4")
	}
	want := map[string]int{"task.began tokens/operator": 2, "task.ended tokens/operator": 2, "task.began tokens/admin": 2, "task.ended tokens/admin": 2}
	testkit.Eventually(t, soon, func() error {
		got := map[string]int{}
		for _, entry := range p.registry.Timeline("acme") {
			words := strings.Fields(strings.ReplaceAll(entry, ":", ""))
			got[words[1]+" "+words[2]]++
		}
		for what, n := range want {
			if got[what] != n {
				return fmt.Errorf("%s: %d times, want %d: %v", what, got[what], n, p.registry.Timeline("acme"))
			}
		}
		return nil
	})
	if all := p.registry.Timeline("acme"); !slices.ContainsFunc(all, func(e string) bool {
		return strings.Contains(e, "The task shell ended with exit code 7 after")
	}) {
		t.Errorf("the timeline lacks the exit code: %v", all)
	}
}

// Who goes away takes the task along, and the timeline says so.
func TestAttachTaskEndsWithTheCaller(t *testing.T) {
	p, near, far := talkingPlant(t)
	for _, stamps := range []pb.StampServiceClient{near, far} {
		ctx, leave := context.WithCancel(p.as("operator"))
		c := converse(t, ctx, stamps, &pb.AttachTaskRequest_Begin{Name: acme, Task: "shell"})
		c.hears("started")
		leave()
	}
	testkit.Eventually(t, soon, func() error {
		n := 0
		for _, entry := range p.registry.Timeline("acme") {
			if strings.Contains(entry, " task.cut tokens/operator") && strings.HasSuffix(entry, ": the connection ended") {
				n++
			}
		}
		if n != 2 {
			return fmt.Errorf("%d were cut, want 2: %v", n, p.registry.Timeline("acme"))
		}
		return nil
	})
}

func TestAttachTaskBeginsOnce(t *testing.T) {
	p, near, far := talkingPlant(t)
	for name, stamps := range map[string]pb.StampServiceClient{"where the cell is": near, "passed on": far} {
		begin := &pb.AttachTaskRequest_Begin{Name: acme, Task: "shell"}
		c := converse(t, p.as("operator"), stamps, begin)
		c.hears("started")
		c.hears("tended shell ")
		c.send(&pb.AttachTaskRequest{Input: &pb.AttachTaskRequest_Begin_{Begin: begin}})
		c.send(typed("hello"))
		if res, err := c.Recv(); errs.ReasonOf(err) != "BEGIN_REPEATED" {
			t.Errorf("%s: a second begin: %v, %v", name, res, err)
		}
	}
}

func TestAttachTaskRefused(t *testing.T) {
	p, near, far := talkingPlant(t)
	refused := func(stamps pb.StampServiceClient, role, name, task string) error {
		c := converse(t, p.as(role), stamps, &pb.AttachTaskRequest_Begin{Name: name, Task: task})
		_, err := c.Recv()
		return err
	}
	for _, c := range []struct {
		name, role, stamp, task string
		kind                    errs.Kind
		reason, says            string
	}{
		{"no such task", "admin", acme, "dance", errs.NotFound, "TASK_NOT_FOUND", "count, look, shell, wipe"},
		{"talks with nobody", "admin", acme, "count", errs.FailedPrecondition, "TASK_NOT_INTERACTIVE", ":runTask"},
		{"below the role", "sales", acme, "shell", errs.PermissionDenied, "TASK_ROLE_MISSING", "operator"},
		{"no such stamp", "admin", "tenants/nobody/stamp", "shell", errs.NotFound, "STAMP_NOT_FOUND", ""},
		{"no task", "admin", acme, "", errs.InvalidArgument, "INVALID_REQUEST", ""},
	} {
		for _, stamps := range []pb.StampServiceClient{near, far} {
			if err := refused(stamps, c.role, c.stamp, c.task); !errs.Is(err, c.kind) || errs.ReasonOf(err) != c.reason || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
	stream, err := near.AttachTask(p.as("admin"))
	if err != nil {
		t.Fatal(err)
	}
	conversation{stream, t}.send(typed("hello"))
	if _, err := stream.Recv(); errs.ReasonOf(err) != "BEGIN_MISSING" {
		t.Errorf("without a beginning: %v", err)
	}
	p.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = true })
	testkit.Eventually(t, soon, func() error {
		if err := refused(near, "operator", acme, "shell"); errs.ReasonOf(err) != "STAMP_NOT_RUNNING" {
			return fmt.Errorf("of a suspended tenant: %w", err)
		}
		return nil
	})
	if all := p.registry.Timeline("acme"); len(all) > 0 {
		t.Errorf("the timeline tells of what was refused: %v", all)
	}
}

// Eight may talk at once in a stamp, by whichever replica, and who leaves makes
// room.
func TestAttachTaskTooMany(t *testing.T) {
	p, near, far := talkingPlant(t)
	begin := &pb.AttachTaskRequest_Begin{Name: acme, Task: "shell"}
	var all []conversation
	for i := range 8 {
		c := converse(t, p.as("operator"), []pb.StampServiceClient{near, far}[i%2], begin)
		c.hears("started")
		c.hears("tended shell ")
		all = append(all, c)
	}
	for name, stamps := range map[string]pb.StampServiceClient{"where the cell is": near, "passed on": far} {
		if _, err := converse(t, p.as("operator"), stamps, begin).Recv(); !errs.Is(err, errs.ResourceExhausted) || errs.ReasonOf(err) != "SESSIONS_TOO_MANY" {
			t.Errorf("%s: the ninth: %v", name, err)
		}
	}
	all[1].send(typed("exit 7"))
	all[1].hears("exit 7")
	if _, err := all[1].Recv(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	c := converse(t, p.as("operator"), near, begin)
	c.hears("started")
}

func TestAttachTaskSilent(t *testing.T) {
	p := newPlant(t)
	p.revision, p.taskIdle = p.registry.Publish(t, tended), 300*time.Millisecond
	conn := p.start("one", memory.New(memory.Config{Attach: echo}))
	p.create("acme")
	p.wait(longrunningpb.NewOperationsClient(conn), "operations/acme.1")
	stamps := pb.NewStampServiceClient(conn)
	c := converse(t, p.as("operator"), stamps, &pb.AttachTaskRequest_Begin{Name: acme, Task: "shell"})
	c.hears("started")
	c.hears("tended shell ")
	if _, err := c.Recv(); errs.ReasonOf(err) != "SESSION_IDLE" {
		t.Errorf("of a silent task: %v", err)
	}
}
