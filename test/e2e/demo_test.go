//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// demoWithin is how long the proof may take: scripts wait for its last line.
const demoWithin = 90 * time.Second

// The unattended proof ends with one JSON object that scripts rely on.
func TestDemo(t *testing.T) {
	bin, err := filepath.Abs(os.Getenv("STAMPWORKS_BIN"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "stamp"), "demo")
	cmd.Dir = t.TempDir()
	var said bytes.Buffer
	cmd.Stderr = &said
	began := time.Now()
	out, err := cmd.Output()
	took := time.Since(began)
	if err != nil {
		t.Fatalf("%v after %v\n%s%s", err, took, out, said.String())
	}
	if took > demoWithin {
		t.Errorf("it took %v, which is more than %v", took, demoWithin)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	claims, last := lines[:len(lines)-1], lines[len(lines)-1]
	for _, line := range claims {
		if !strings.HasPrefix(line, "PASS ") {
			t.Errorf("a line that is no proof: %s", line)
		}
	}
	if len(claims) < 7 {
		t.Errorf("it proves %d claims:\n%s", len(claims), out)
	}
	var result map[string]any
	if err := json.Unmarshal([]byte(last), &result); err != nil {
		t.Fatalf("the last line %s: %v", last, err)
	}
	wantResult(t, result)
}

func wantResult(t *testing.T, result map[string]any) {
	t.Helper()
	want := []string{
		"blueprint", "credential_refused", "cross_tenant_reads", "deliveries", "failed_requests_elsewhere", "lead_time_ms", "left_behind",
		"ok", "requests_elsewhere", "self_repair_ms", "serves_without_control_plane", "suspend_keeps_data", "tenants", "trace_id",
	}
	if got := slices.Sorted(maps.Keys(result)); !slices.Equal(got, want) {
		t.Errorf("its keys are\n%v, want\n%v", got, want)
	}
	for key, value := range map[string]any{
		"ok": true, "tenants": 3.0, "deliveries": 5.0, "cross_tenant_reads": 0.0, "credential_refused": true, "failed_requests_elsewhere": 0.0,
		"suspend_keeps_data": true, "serves_without_control_plane": true, "left_behind": 0.0,
	} {
		if result[key] != value {
			t.Errorf("%s is %v, want %v", key, result[key], value)
		}
	}
	for _, key := range []string{"requests_elsewhere", "self_repair_ms"} {
		if n, _ := result[key].(float64); n <= 0 {
			t.Errorf("%s is %v", key, result[key])
		}
	}
	lead, _ := result["lead_time_ms"].(map[string]any)
	p50, _ := lead["p50"].(float64)
	longest, _ := lead["max"].(float64)
	if p50 <= 0 || longest < p50 {
		t.Errorf("lead_time_ms is %v", result["lead_time_ms"])
	}
	if id, _ := result["trace_id"].(string); !regexp.MustCompile("^[0-9a-f]{32}$").MatchString(id) {
		t.Errorf("trace_id is %v", result["trace_id"])
	}
}
