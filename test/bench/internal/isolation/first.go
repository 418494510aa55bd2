package isolation

import (
	"context"
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// askFirst asks with this program's threads before everybody else's: in life who
// asks is on another machine, and does not wait for what customer A does here.
func askFirst(ctx context.Context, url string, n int) (answers, error) {
	if err := schedule(unix.SchedAttr{Policy: unix.SCHED_FIFO, Priority: 1}); err != nil {
		return answers{}, err
	}
	got, err := ask(ctx, url, n)
	return got, errors.Join(err, schedule(unix.SchedAttr{Policy: unix.SCHED_NORMAL}))
}

// schedule is for all threads that there are, and those that they make.
func schedule(attr unix.SchedAttr) error {
	attr.Size = unix.SizeofSchedAttr
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetAttr(id, &attr, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}
