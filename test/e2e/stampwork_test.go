//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/test/e2e/harness"
)

// TestRotateRepairAndTask: a new password takes the place of the old one, which
// opens nothing any more; a restart touches what was named; a task runs in the
// customer's copy, and all of it is in the timeline.
func TestRotateRepairAndTask(t *testing.T) {
	h := harness.New(t, harness.Options{})
	h.StartAll()
	awaitCells(t, h, "local")
	for _, product := range products(t, h.API) {
		t.Run(product, func(t *testing.T) {
			api, id := h.API.On(t), "acme-"+product[len(product)-4:]
			api.Publish(product, "1.0.0")
			api.Create(id, harness.Wish("Acme", product))
			desk := harness.Desk{URL: api.AwaitActive(id, stampWithin).GetStatus().GetUrl()}
			desk.Open(t, "printer on fire")
			secret, variable := "worker_token", "WORKER_TOKEN"
			if product == "helpdesk" {
				secret, variable = "db_password", "DATABASE_URL"
			}
			at := "/v1/tenants/" + id + "/stamp"
			old, before := variableOf(t, api, id, "app", variable), pidsOf(t, api, id)

			begin := time.Now()
			api.Done(http.MethodPost, at+":rotateSecret", &provisionerv1.RotateSecretRequest{Secret: secret}, stampWithin)
			took, fresh, after := time.Since(begin), variableOf(t, api, id, "app", variable), pidsOf(t, api, id)
			if fresh == old || after["app"] == before["app"] || after["queue"] != before["queue"] || after["edge"] != before["edge"] {
				t.Errorf("the app's %s changed: %v; processes %v, then %v", variable, fresh != old, before, after)
			}
			if product == "helpdesk" {
				if after["db"] != before["db"] {
					t.Error("the database was restarted")
				}
				if said, err := query(fresh); err != nil {
					t.Errorf("the new password: %v: %s", err, said)
				}
				if said, err := query(old); err == nil || !strings.Contains(said, "password authentication failed") {
					t.Errorf("the old password: %v: %s", err, said)
				}
			}
			api.Must(desk.Has("printer on fire"))
			desk.Open(t, "coffee is out")
			t.Logf("evidence: %s: %s rotated in %v", product, secret, took)

			api.Done(http.MethodPost, at+":repair", &provisionerv1.RepairStampRequest{Component: "app", Reason: "slow"}, stampWithin)
			if last := pidsOf(t, api, id); last["app"] == after["app"] || last["queue"] != after["queue"] || last["worker"] != after["worker"] {
				t.Errorf("processes %v, then %v: only the app was to be restarted", after, last)
			}
			task := api.Done(http.MethodPost, at+":runTask", &provisionerv1.RunTaskRequest{Task: "reset-admin"}, stampWithin)
			if task.GetTask() != "reset-admin" {
				t.Errorf("task %v", task)
			}
			var lines registryv1.ListTimelineResponse
			api.Must(api.Read("/v1/tenants/"+id+"/timeline", &lines))
			told := map[string]bool{}
			for _, e := range lines.GetTimelineEntries() {
				told[e.GetAction()] = e.GetPrincipal() != ""
			}
			for _, want := range []string{"rotate.asked", "rotate.succeeded", "repair.asked", "repair.succeeded", "task.asked", "task.succeeded"} {
				if !told[want] {
					t.Errorf("the timeline does not say %s: %v", want, &lines)
				}
			}
		})
	}
}

// pidsOf are a customer's processes, by component.
func pidsOf(t *testing.T, api *harness.API, id string) map[string]int32 {
	t.Helper()
	stamp, err := api.Stamp(id)
	api.Must(err)
	pids := map[string]int32{}
	for _, c := range stamp.GetComponents() {
		if len(c.GetPids()) == 1 {
			pids[c.GetName()] = c.GetPids()[0]
		}
	}
	return pids
}

// variableOf is a variable in the environment of a customer's process.
func variableOf(t *testing.T, api *harness.API, id, component, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pidsOf(t, api, id)[component]))
	api.Must(err)
	for _, v := range strings.Split(string(text), "\x00") {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	t.Fatalf("%s has no %s", component, name)
	return ""
}

// query asks a database something that anybody may.
func query(url string) (string, error) {
	out, err := exec.Command("psql", "-X", "-c", "SELECT 1", url).CombinedOutput()
	return string(out), err
}
