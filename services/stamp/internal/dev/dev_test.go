package dev

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stampworks.dev/services/gateway"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/sample"
)

func TestIsolationSaysWhatThereIsAndWhatThereIsNot(t *testing.T) {
	for want, kinds := range map[string]map[string]string{
		"users, files, network, cpu, memory":                           {"users": "u", "files": "f", "network": "n", "cpu": "c", "memory": "m", "disk": "NONE"},
		"users, files (not: network, cpu, memory)":                     {"users": "u", "files": "f", "network": "NONE"},
		"none (run as root for users, files, network, cpu and memory)": {"users": "NONE"},
	} {
		if got := isolation(kinds); got != want {
			t.Errorf("%v: got %q, want %q", kinds, got, want)
		}
	}
}

func TestPartsNameTheDatabase(t *testing.T) {
	full := sample.Product{Database: "PostgreSQL 15.18", Components: []string{"db", "queue", "app"}}
	if got := parts(full, false); got != "db (PostgreSQL 15.18) queue app" {
		t.Errorf("got %q", got)
	}
	lite := sample.Product{Database: "SQLite", Components: []string{"queue", "app"}}
	if got := parts(lite, true); got != "queue app (SQLite, by --lite)" {
		t.Errorf("asked for: %s", got)
	}
	if got := parts(lite, false); !strings.HasPrefix(got, "queue app (SQLite; install PostgreSQL") {
		t.Errorf("got %q", got)
	}
}

func TestThousands(t *testing.T) {
	for amount, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 48000: "48,000", 1234567: "1,234,567"} {
		if got := thousands(amount); got != want {
			t.Errorf("%v: got %q, want %q", amount, got, want)
		}
	}
}

func TestOneAtATimeOnADataFolder(t *testing.T) {
	at := layout{filepath.Join(t.TempDir(), "data")}
	unlock, err := at.prepare()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := at.prepare(); err == nil || !strings.Contains(err.Error(), "another stamp dev runs on") {
		t.Errorf("second: got %v", err)
	}
	unlock()
	again, err := at.prepare()
	if err != nil {
		t.Fatalf("after the first ended: %v", err)
	}
	again()
	for folder, mode := range map[string]os.FileMode{at.dir: 0o711, at.etcd(): 0o700, at.pki(): 0o700} {
		if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: mode %v, %v, want %v", folder, info.Mode().Perm(), err, mode)
		}
	}
}

func TestStopIsRefusedWhileItRuns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var out strings.Builder
	if err := Stop(t.Context(), dir, &out); err != nil || !strings.HasPrefix(out.String(), "0 stamps stopped") {
		t.Errorf("where nobody ever ran: %q, %v", out.String(), err)
	}
	unlock, err := layout{dir}.prepare()
	if err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := Stop(t.Context(), dir, &out); exit.Code(err) != exit.Conflict || !strings.Contains(err.Error(), "Ctrl-C") || out.Len() > 0 {
		t.Errorf("while it runs: %q, %v", out.String(), err)
	}
	unlock()
	if err := Stop(t.Context(), dir, &out); err != nil {
		t.Errorf("after its end: %v", err)
	}
}

func TestTheTokenIsKeptAndOnlyItsHashIsGiven(t *testing.T) {
	dir := t.TempDir()
	path, tokens := filepath.Join(dir, "a", "token"), filepath.Join(dir, "tokens")
	token, err := adminToken(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := adminToken(path); err != nil || again != token {
		t.Errorf("again: got %q, %v", again, err)
	}
	if err := allow(tokens, token); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(tokens)
	if err != nil || !strings.HasPrefix(string(text), "admin admin ") || strings.Contains(string(text), token) {
		t.Errorf("tokens file: %q, %v", text, err)
	}
	for _, file := range []string{path, tokens} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
}

func TestTheLinesOfOthersAreKept(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := allow(tokens, "stamp_old"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(tokens)
	if err != nil {
		t.Fatal(err)
	}
	others := "# of the billing\nbilling viewer 00ff 2027-01-31T00:00:00Z\nadmin2 admin 11ff"
	if err := os.WriteFile(tokens, []byte(string(text)+others), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second start adds nothing
		if err := allow(tokens, "stamp_new"); err != nil {
			t.Fatal(err)
		}
	}
	want := gateway.TokenLine("admin", "admin", "stamp_new") + "\n" + others + "\n"
	if text, err = os.ReadFile(tokens); err != nil || string(text) != want {
		t.Errorf("got %q, %v, want %q", text, err, want)
	}
}

func TestListensOnThisMachineOnly(t *testing.T) {
	if _, err := reserve("0.0.0.0:0"); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("everywhere: got %v", err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	if _, err := reserve(taken.Addr().String()); err == nil || !strings.Contains(err.Error(), "choose another address with --listen") {
		t.Errorf("taken: got %v", err)
	}
}
