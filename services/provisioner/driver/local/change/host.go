package change

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/cgroup"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/driver/local/process"
)

const (
	// answerGrace is how long a change that was given up has to be gone.
	answerGrace = time.Second
	// tries is how many processes are started for a change.
	tries = 3
	// lookEvery is how often it is seen to that a change goes on.
	lookEvery = 200 * time.Millisecond
)

// Host changes what the stamps of this machine share. Safe for concurrent use by
// any number of processes. Errors of kind Unavailable are those of a machine that
// is busy, or of a change that somebody has killed: to try again is safe.
type Host struct {
	// Program is the program stamp-host.
	Program string
	// Config is of the allocations, for the asking data directory.
	Config host.Config
	Walls  Walls
	// Groups are the control groups of this machine.
	Groups cgroup.Version
}

// Clear removes what a crash left.
func (h Host) Clear(ctx context.Context) error {
	_, err := h.ask(ctx, request{Clear: true})
	return err
}

// Reserve gives the stamp what it asks for and does not have yet, and walls it.
func (h Host) Reserve(ctx context.Context, c host.Claim) (host.Allocation, error) {
	got, err := h.ask(ctx, request{Reserve: &c})
	return got.Given, err
}

// Wall puts what the firewall lacks of the stamps back, and says of which.
func (h Host) Wall(ctx context.Context, all []host.Allocation) ([]host.Allocation, error) {
	got, err := h.ask(ctx, request{Wall: all})
	return got.Stamps, err
}

// Lacking says of which stamps the firewall lacks something.
func (h Host) Lacking(ctx context.Context, all []host.Allocation) ([]host.Allocation, error) {
	got, err := h.ask(ctx, request{Lacking: all})
	return got.Stamps, err
}

// End ends the processes of a stamp's user, as long as it is the stamp's.
func (h Host) End(ctx context.Context, a host.Allocation) error {
	if a.User == 0 {
		return nil
	}
	_, err := h.ask(ctx, request{End: &a})
	return err
}

// Release takes a stamp's elements out of the firewall, and its numbers back. The
// caller has made sure that no process and no file of it is left.
func (h Host) Release(ctx context.Context, ref driver.Ref) error {
	_, err := h.ask(ctx, request{Release: &ref})
	return err
}

// Return gives stamps what their own records say that they have: see
// [host.File.Return].
func (h Host) Return(ctx context.Context, had []host.Allocation) (taken []host.Allocation, err error) {
	got, err := h.ask(ctx, request{Return: had})
	return got.Stamps, err
}

// Collect forgets stamps whose data directory is gone, and gives those of which
// something is left.
func (h Host) Collect(ctx context.Context) ([]Orphan, error) {
	got, err := h.ask(ctx, request{Collect: true})
	return got.Orphans, err
}

// ask lets a process of its own make the change, and another when that is ended in
// the middle.
func (h Host) ask(ctx context.Context, r request) (got answer, err error) {
	r.Host, r.Walls, r.Groups = h.Config, h.Walls, h.Groups
	in, err := json.Marshal(r)
	if err != nil {
		return answer{}, fmt.Errorf("encode change: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, serveWithin+answerGrace)
	defer cancel()
	for range tries {
		if got, err = h.once(limited, in); !errors.Is(err, errEnded) || limited.Err() != nil {
			break
		}
	}
	if ctx.Err() != nil && errors.Is(err, errEnded) {
		err = fmt.Errorf("change host: %w", ctx.Err())
	}
	return got, err
}

// errEnded is of a process that somebody has ended.
var errEnded = errors.New("stamp-host was ended in the middle")

func (h Host) once(ctx context.Context, in []byte) (answer, error) {
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, h.Program)
	cmd.Dir, cmd.Env, cmd.WaitDelay = "/", os.Environ(), answerGrace
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // what is sent to the provisioner's group is not for it
	if err := runs(ctx, cmd); err != nil {
		return answer{}, failed(err, strings.TrimSpace(said.String()))
	}
	var got answer
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		return answer{}, fmt.Errorf("decode change: %w", err)
	}
	return got, got.Failure.err()
}

// runs is cmd.Run of one that does not wait for ever: a process that is stopped
// before it has any lock is killed by nobody else.
func runs(ctx context.Context, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	var looks sync.WaitGroup
	looks.Go(func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-ctx.Done():
				return
			case <-tick.C:
				if process.Stopped(cmd.Process.Pid) {
					_ = cmd.Process.Kill() // ended since is fine
				}
			}
		}
	})
	err := cmd.Wait()
	close(ended)
	looks.Wait()
	return err
}

// failed says why there is no answer.
func failed(err error, said string) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && !exit.Exited() {
		return errs.New(errs.Unavailable, "HOST_BUSY", "change host: %w (%w); what it did not do is tried again", errEnded, err)
	}
	return fmt.Errorf("change host: stamp-host: %w: %s", err, said)
}
