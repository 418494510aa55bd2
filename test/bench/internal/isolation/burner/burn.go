//go:build linux

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// cpu spins on every core.
func cpu(stop <-chan struct{}, begun func()) {
	var all sync.WaitGroup
	for range runtime.NumCPU() {
		all.Go(func() {
			begun()
			for n := 0; ; n++ {
				if n%(1<<16) == 0 && ended(stop) {
					return
				}
			}
		})
	}
	all.Wait()
}

// again runs itself as a child, which may use up what the program itself needs
// to go on: one that was ended is followed by the next.
func again(self string, args []string, stop <-chan struct{}, begun func()) {
	for !ended(stop) {
		child := exec.CommandContext(context.Background(), self, args...)
		child.Stdout = teller{begun}
		if err := child.Start(); err != nil {
			continue // all is used up at the moment
		}
		done := make(chan struct{})
		go func() { // ends with the child
			_ = child.Wait() // it is killed
			close(done)
		}()
		select {
		case <-done:
		case <-stop:
			_ = child.Process.Kill() // it may have ended
			<-done
		}
	}
	begun() // who waits for it is not kept
}

// teller hears of a child that it has begun.
type teller struct{ begun func() }

func (t teller) Write(text []byte) (int, error) {
	t.begun()
	return len(text), nil
}

// fill takes memory and writes to all of it.
func fill(most int64) error {
	const chunk = 4 << 20
	var all [][]byte
	for taken := int64(0); taken < most; taken += chunk {
		part := make([]byte, chunk)
		for at := 0; at < chunk; at += 4096 {
			part[at] = 1
		}
		if all = append(all, part); taken == 64<<20 {
			fmt.Println("begun")
		}
	}
	runtime.KeepAlive(all)
	return nil
}

// haveThreads makes threads that the runtime keeps: it ends the program when it
// wants one more and the kernel has no process left to give.
func haveThreads(n int) {
	var all, there sync.WaitGroup
	there.Add(n)
	for range n {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			there.Done()
			there.Wait()
		})
	}
	all.Wait()
}

// mostProcesses is for where nothing limits them; underWay is when it has begun.
const (
	mostProcesses = 2000
	underWay      = 256
)

// spawn starts children until it is refused. They end with it.
func spawn() error {
	runtime.LockOSThread() // they end with the thread
	for n := range mostProcesses {
		child := exec.CommandContext(context.Background(), "/bin/sleep", "600")
		child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if child.Start() != nil {
			break
		}
		if n == underWay {
			fmt.Println("begun")
		}
	}
	return nil
}

// disk writes a file and waits for the disk, again and again.
func disk(dir string, stop <-chan struct{}, begun func()) {
	const size, block = 256 << 20, 1 << 20
	f, err := os.Create(filepath.Join(dir, "burn"))
	if err != nil {
		slog.Error("file not made", "error", err)
		begun()
		return
	}
	defer func() {
		_ = f.Close() // its content is nobody's
		_ = os.Remove(f.Name())
	}()
	part := make([]byte, block)
	for at := int64(0); !ended(stop); at = (at + block) % size {
		part[0] = byte(time.Now().UnixNano())
		if _, err := f.WriteAt(part, at); err != nil {
			slog.Error("file not written", "error", err)
		}
		if err := f.Sync(); err != nil {
			slog.Error("file not synced", "error", err)
		}
		begun()
	}
}
