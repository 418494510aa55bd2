//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/testkit"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/test/e2e/harness"
)

// products are the sample's two forms, as far as this machine has their
// programs.
func products(t *testing.T, api *harness.API) []string {
	t.Helper()
	if product := sample(t, api); product != "helpdesk-lite" {
		return []string{"helpdesk-lite", product}
	}
	return []string{"helpdesk-lite"}
}

// TestKeepAndBringBack: what a customer loses comes back from a backup, into its
// own copy and as another customer's, and the two are separate.
func TestKeepAndBringBack(t *testing.T) {
	h := harness.New(t, harness.Options{})
	h.StartAll()
	awaitCells(t, h, "local")
	for _, product := range products(t, h.API) {
		t.Run(product, func(t *testing.T) {
			api := h.API.On(t)
			api.Publish(product, "1.0.0")
			acme, other := "acme-"+product[len(product)-4:], "copy-"+product[len(product)-4:]
			api.Create(acme, harness.Wish("Acme", product))
			desk := harness.Desk{URL: api.AwaitActive(acme, stampWithin).GetStatus().GetUrl()}
			desk.Open(t, "printer on fire")
			desk.Open(t, "coffee is out")

			begin := time.Now()
			op := api.Done(http.MethodPost, "/v1/tenants/"+acme+"/backups", &provisionerv1.Backup{}, stampWithin)
			took := time.Since(begin)
			var backup provisionerv1.Backup
			api.Must(api.Read("/v1/"+op.GetBackup(), &backup))
			if backup.GetSizeBytes() == 0 || !strings.HasPrefix(backup.GetDigest(), "sha256:") || !strings.HasSuffix(backup.GetRevision(), "/1.0.0") {
				t.Errorf("backup %v", &backup)
			}
			desk.Admin = newAdmin(t, api, acme)
			tickets, err := desk.Tickets()
			api.Must(err)
			for _, ticket := range tickets {
				desk.Delete(t, ticket.ID)
			}
			if left, err := desk.Tickets(); err != nil || len(left) > 0 {
				t.Fatalf("nothing was lost: %v, %v", left, err)
			}

			begin = time.Now()
			api.Done(http.MethodPost, "/v1/"+op.GetBackup()+":restore", nil, stampWithin)
			t.Logf("evidence: %s: backup of %d bytes in %v, restored in %v", product, backup.GetSizeBytes(), took, time.Since(begin))
			for _, title := range []string{"printer on fire", "coffee is out"} {
				api.Must(desk.Has(title))
			}

			wish := harness.Wish("Copy", product)
			wish.RestoreFrom = op.GetBackup()
			wish.Inputs["admin_email"] = structpb.NewStringValue("boss@copy.example")
			api.Create(other, wish)
			copied := harness.Desk{URL: api.AwaitActive(other, stampWithin).GetStatus().GetUrl()}
			api.Must(copied.Has("printer on fire"))
			if admin := newAdmin(t, api, other); !strings.HasPrefix(admin, "boss@copy.example:") {
				t.Errorf("the copy's admin is %.30s, not its own", admin)
			}
			copied.Open(t, "of the copy")
			if desk.Has("of the copy") == nil || copied.URL == desk.URL {
				t.Error("the copy writes into the first one's data")
			}
		})
	}
}

var newPassword = regexp.MustCompile(`^(\S+) has a new password, shown only now: (\S+)$`)

// newAdmin lets the product's own task give the customer's admin a password.
func newAdmin(t *testing.T, api *harness.API, id string) string {
	t.Helper()
	op := api.Work(http.MethodPost, "/v1/tenants/"+id+"/stamp:runTask", &provisionerv1.RunTaskRequest{Task: "reset-admin"}, stampWithin)
	var result provisionerv1.TaskResult
	api.Must(op.GetResponse().UnmarshalTo(&result))
	for _, line := range result.GetOutput() {
		if found := newPassword.FindStringSubmatch(line); found != nil {
			return found[1] + ":" + found[2]
		}
	}
	t.Fatalf("the task printed %v", &result)
	return ""
}

// TestBrokenUpgrade: a revision whose migration fails half-way leaves the
// customer on the one before, with every ticket, and is not tried for ever.
func TestBrokenUpgrade(t *testing.T) {
	h := harness.New(t, harness.Options{})
	h.StartAll()
	awaitCells(t, h, "local")
	for _, product := range products(t, h.API) {
		t.Run(product, func(t *testing.T) {
			api := h.API.On(t)
			id := "acme-" + product[len(product)-4:]
			api.Publish(product, "1.1.0")
			api.Publish(product, "1.1.0", h.Wrecked("1.2.0"))
			api.Create(id, harness.Wish("Acme", product+"/revisions/1.1.0"))
			desk := harness.Desk{URL: api.AwaitActive(id, stampWithin).GetStatus().GetUrl()}
			desk.Open(t, "printer on fire")

			begin := time.Now()
			api.Must(api.Call(http.MethodPatch, "/v1/tenants/"+id+"?update_mask=blueprint", &registryv1.Tenant{Blueprint: "blueprints/" + product + "/revisions/1.2.0"}, nil))
			tenant := api.AwaitActive(id, stampWithin)
			t.Logf("evidence: %s: back on 1.1.0 %v after the upgrade was asked for", product, time.Since(begin))
			st := tenant.GetStatus()
			if !strings.HasSuffix(st.GetRevision(), "/1.1.0") || len(st.GetObstacles()) != 1 || st.GetObstacles()[0].GetCode() != "UPGRADE_FAILED" {
				t.Errorf("status %v", st)
			}
			api.Must(desk.Has("printer on fire"))
			_, m, err := api.Operation(fmt.Sprintf("operations/%s.%d", id, tenant.GetGeneration()))
			api.Must(err)
			f := m.GetFailure()
			if m.GetState() != typev1.OperationMetadata_FAILED || f.GetCode() != typev1.Failure_MIGRATION_FAILED || f.GetRetryable() ||
				f.GetNextAction() == "" || !strings.Contains(strings.Join(f.GetEvidence(), "\n"), "half-way") {
				t.Errorf("operation %v", m)
			}
		})
	}
}

// TestWritesDuringAnUpgrade: whatever a customer was told was written, while the
// upgrade went on, is there afterwards.
func TestWritesDuringAnUpgrade(t *testing.T) {
	h := harness.New(t, harness.Options{})
	h.StartAll()
	awaitCells(t, h, "local")
	product := sample(t, h.API)
	h.API.Publish(product, "1.0.0")
	h.API.Publish(product, "1.1.0")
	h.API.Create("acme", harness.Wish("Acme", product+"/revisions/1.0.0"))
	desk := harness.Desk{URL: h.API.AwaitActive("acme", stampWithin).GetStatus().GetUrl()}
	var stop atomic.Bool
	var written []string
	refused := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; !stop.Load(); n++ {
			title := fmt.Sprintf("ticket %d", n)
			if err := desk.TryOpen(title); err != nil {
				refused++
			} else {
				written = append(written, title)
			}
			<-time.After(10 * time.Millisecond) // a person takes longer, and a page has 500
		}
	}()
	h.API.Must(h.API.Call(http.MethodPatch, "/v1/tenants/acme?update_mask=blueprint", &registryv1.Tenant{Blueprint: "blueprints/" + product + "/revisions/1.1.0"}, nil))
	h.API.AwaitActive("acme", stampWithin)
	testkit.Eventually(t, 10*time.Second, desk.Serves)
	stop.Store(true)
	<-done
	tickets, err := desk.Tickets()
	h.API.Must(err)
	there := map[string]bool{}
	for _, ticket := range tickets {
		there[ticket.Title] = true
	}
	for _, title := range written {
		if !there[title] {
			t.Errorf("%q was acknowledged, and is gone", title)
		}
	}
	if refused == 0 || len(written) == 0 {
		t.Errorf("%d written, %d refused: the test saw no upgrade", len(written), refused)
	}
	t.Logf("evidence: %s: %d tickets written while it was upgraded, all there; %d refused meanwhile", product, len(written), refused)
}
