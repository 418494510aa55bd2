//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/pkg/testkit"
	"stampworks.dev/test/e2e/harness"
)

const answersWithin = 20 * time.Second

// TestTaskAtATerminal: `stamp task acme psql` is psql at the caller's terminal, and
// a filter in a script. Its exit code is the command's, who goes away takes it
// along, and the timeline has it all.
func TestTaskAtATerminal(t *testing.T) {
	h := harness.New(t, harness.Options{})
	h.StartAll()
	awaitCells(t, h, "local")
	for _, product := range products(t, h.API) {
		t.Run(product, func(t *testing.T) {
			api, id := h.API.On(t), "acme-"+product[len(product)-4:]
			api.Publish(product, "1.0.0", func(text string) string {
				return text + "\n  greet: {component: app, exec: helpdesk admin reset, interactive: true}\n"
			})
			api.Create(id, harness.Wish("Acme", product))
			api.AwaitActive(id, stampWithin)
			greets(t, api, id)
			if product == "helpdesk" {
				talksToPostgres(t, api, id)
				leavesPostgres(t, api, id)
			}
			toldOf(t, api, id, product == "helpdesk")
			api.Must(api.Call(http.MethodPost, "/v1/tenants/"+id+":suspend", nil, nil))
			api.AwaitState(id, registryv1.Tenant_SUSPENDED, stampWithin)
			if out, err := api.CLI("task", id, "greet").CombinedOutput(); err == nil || !strings.Contains(string(out), "does not run") {
				t.Errorf("of a suspended customer: %v: %s", err, out)
			}
		})
	}
}

// greets runs a task that only says something, at a terminal and in a script.
func greets(t *testing.T, api *harness.API, id string) {
	at := api.At(80, 24, "task", id, "greet")
	at.Hears("admin", answersWithin)
	if code := at.Code(answersWithin); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if out, err := api.CLI("task", id, "greet").Output(); err != nil || !strings.Contains(string(out), "admin") {
		t.Errorf("in a script: %v: %s", err, out)
	}
	out, err := api.CLI("task", id, "dance").CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 6 || !strings.Contains(string(out), "greet") { //nolint:errorlint // of package exec itself
		t.Errorf("no such task: %v: %s", err, out)
	}
}

func talksToPostgres(t *testing.T, api *harness.API, id string) {
	at := api.At(100, 30, "task", id, "psql")
	at.Hears("helpdesk=#", answersWithin)
	at.Type("select 6*7 as answer;\r")
	at.Hears("42", answersWithin)
	at.Hears("helpdesk=#", answersWithin)
	at.Type("select pg_sleep(600);\r")
	at.Hears("pg_sleep", answersWithin)
	testkit.Eventually(t, answersWithin, func() error { return connected(api, id, "wait_event = 'PgSleep'", 1) })
	at.Type("\x03") // to psql, not to stamp
	at.Hears("canceling statement due to user request", answersWithin)
	at.Type("\\! stty size\r")
	at.Hears("30 100", answersWithin)
	at.Type("\\set ON_ERROR_STOP 1\r\\q\r")
	if code := at.Code(answersWithin); code != 0 {
		t.Errorf("exit code %d", code)
	}
	script := api.CLI("task", id, "psql")
	script.Stdin = strings.NewReader("\\set ON_ERROR_STOP 1\n\\pset format unaligned\nselect 6*7 as answer;\nselect nothing;\n")
	var out, said bytes.Buffer
	script.Stdout, script.Stderr = &out, &said
	err := script.Run()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 3 || !strings.Contains(out.String(), "42") || !strings.Contains(said.String(), `column "nothing" does not exist`) { //nolint:errorlint // of package exec itself
		t.Errorf("in a script: %v: %s, and %s", err, &out, &said)
	}
	t.Logf("evidence: psql at a terminal of 100x30, Ctrl-C, and exit code 3 in a script")
}

// leavesPostgres kills the command: psql goes with it.
func leavesPostgres(t *testing.T, api *harness.API, id string) {
	at := api.At(80, 24, "task", id, "psql")
	at.Hears("helpdesk=#", answersWithin)
	testkit.Eventually(t, answersWithin, func() error { return connected(api, id, "application_name = 'psql'", 1) })
	at.Kill()
	testkit.Eventually(t, answersWithin, func() error { return connected(api, id, "application_name = 'psql'", 0) })
}

// connected wants so many others to be connected with the database.
func connected(api *harness.API, id, which string, want int) error {
	script := api.CLI("task", id, "psql")
	script.Stdin = strings.NewReader("\\pset tuples_only\nselect 'now ' || count(*) from pg_stat_activity where pid <> pg_backend_pid() and " + which + ";\n")
	out, err := script.CombinedOutput()
	if err == nil && !strings.Contains(string(out), fmt.Sprint("now ", want)) {
		err = fmt.Errorf("not %d: %s", want, out)
	}
	return err
}

func toldOf(t *testing.T, api *harness.API, id string, cut bool) {
	testkit.Eventually(t, answersWithin, func() error {
		var lines registryv1.ListTimelineResponse
		if err := api.Read("/v1/tenants/"+id+"/timeline?page_size=1000", &lines); err != nil {
			return err
		}
		told := map[string]string{}
		for _, e := range lines.GetTimelineEntries() {
			told[e.GetAction()] += e.GetPrincipal() + ": " + e.GetMessage() + "\n"
		}
		for action, says := range map[string]string{
			"task.began": "tokens/admin: The task greet talks with a person",
			"task.ended": "tokens/admin: The task greet ended with exit code 0",
			"task.cut":   "tokens/admin: The task psql was cut off",
		} {
			if !strings.Contains(told[action], says) && (action != "task.cut" || cut) {
				return fmt.Errorf("the timeline does not say %s: %v", says, told)
			}
		}
		return nil
	})
}
