package artifact

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/trampoline"
)

// TestMain makes the test binary do for a stamp-supervisor that is to ask.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "ask" {
		fmt.Fprintln(os.Stderr, trampoline.Ask(os.Args[3], os.Args[2]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// openDir is a directory of PATH that every user can pass to.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "stampworks-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return dir
}

// soon waits for at most ten seconds.
func soon(t *testing.T, what string, true_ func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !true_() {
		if time.Now().After(deadline) {
			t.Fatalf("after 10 s still not: %s", what)
		}
		<-tick.C
	}
}

func script(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (s *Store) versionOf(t *testing.T, name string) string {
	t.Helper()
	r, err := s.Resolve(t.Context(), "any", driver.Artifact{Host: name})
	if err != nil {
		t.Error(err)
	}
	return r.Version
}

// TestProgramsAreAskedHarmlessly: a publisher may name any program of PATH.
func TestProgramsAreAskedHarmlessly(t *testing.T) {
	dir, s := openDir(t), store(t)
	s.host.others = true
	t.Setenv("SECRET", "s3cr3t")
	user := fmt.Sprint(os.Geteuid())
	if user == "0" {
		user = "65534"
	}
	for name, c := range map[string]struct{ text, want string }{
		"deskuser":  {"id -u", user},
		"deskgroup": {"id -G | wc -w", "1"},
		"desknew":   {"grep NoNewPrivs /proc/self/status", "1"},
		"deskmask":  {"umask", "0077"},
		"deskcore":  {"grep 'core file' /proc/self/limits", "0"},
		"deskprocs": {"grep 'Max processes' /proc/self/limits", "256"},
		"deskcpu":   {"grep 'cpu time' /proc/self/limits", "5"},
		"deskenv":   {"echo 1$SECRET", "1"},
	} {
		if name == "deskgroup" && os.Geteuid() != 0 {
			continue // only root leaves its groups
		}
		script(t, dir, name, c.text)
		if got := s.versionOf(t, name); got != c.want {
			t.Errorf("%s: %s said %q, want %q", name, c.text, got, c.want)
		}
	}
}

// TestSlowProgramKeepsNobodyWaiting: it and what it started are ended, and it is
// asked again later.
func TestSlowProgramKeepsNobodyWaiting(t *testing.T) {
	dir, s := openDir(t), store(t)
	s.host.versions.within = 700 * time.Millisecond
	started := filepath.Join(t.TempDir(), "started")
	script(t, dir, "deskslow", "sleep 3600 & echo $! > "+started+".part; mv "+started+".part "+started+"; sleep 3600")
	script(t, dir, "deskdb", "echo 15.18")
	slow := make(chan string, 1)
	go func() { slow <- s.versionOf(t, "deskslow") }()
	var pid int
	soon(t, "deskslow runs", func() bool {
		text, err := os.ReadFile(started)
		if err == nil {
			_, err = fmt.Sscan(string(text), &pid)
		}
		return err == nil
	})
	if got := s.versionOf(t, "deskdb"); got != "15.18" {
		t.Errorf("deskdb is %q", got)
	}
	select {
	case <-slow:
		t.Error("deskdb waited for deskslow")
	default:
	}
	if got := <-slow; got != "" {
		t.Errorf("deskslow is %q", got)
	}
	soon(t, "what deskslow started has ended", func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(text), ") Z ")
	})
	began := time.Now()
	if got := s.versionOf(t, "deskslow"); got != "" || time.Since(began) > 500*time.Millisecond {
		t.Errorf("deskslow was asked again at once: %q after %v", got, time.Since(began))
	}
}

// TestTalkativeProgram: its answer is not kept as a whole.
func TestTalkativeProgram(t *testing.T) {
	dir, s := openDir(t), store(t)
	script(t, dir, "desktalk", "while :; do echo 1.0 words words words words words words words words; done")
	if got := s.versionOf(t, "desktalk"); got != "" {
		t.Errorf("desktalk is %.20q", got)
	}
}

// TestWhoAsksMayGoAway: the others get the answer.
func TestWhoAsksMayGoAway(t *testing.T) {
	dir, s := openDir(t), store(t)
	script(t, dir, "deskdb", "sleep 0.3; echo 15.18")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(dir, "deskdb")
	if got := s.host.versions.of(ctx, path, false); got != "" {
		t.Errorf("who went away was told %q", got)
	}
	if got := s.host.versions.of(t.Context(), path, false); got != "15.18" {
		t.Errorf("deskdb is %q", got)
	}
}
