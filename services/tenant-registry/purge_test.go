package tenantregistry_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// The limit of purges holds however many replicas are asked at once.
func TestPurgeLimit(t *testing.T) {
	r := start(t)
	replicas := []*registry{r, replica(t, r.cfg, r.authority)}
	const tenants = 8
	for n := range tenants {
		id := fmt.Sprint("t", n)
		r.create(t, id)
		if _, err := r.tenants.DeleteTenant(ctx(t), &registryv1.DeleteTenantRequest{Name: "tenants/" + id}); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	var refused []string
	var all sync.WaitGroup
	for n := range tenants {
		all.Go(func() {
			id := fmt.Sprint("t", n)
			_, err := replicas[n%2].tenants.PurgeTenant(ctx(t), &registryv1.PurgeTenantRequest{Name: "tenants/" + id})
			if err == nil {
				return
			}
			if e := reason(t, id, err, errs.FailedPrecondition, "PURGE_LIMIT"); e.Metadata["count"] != "4" || !strings.Contains(e.Message, "confirm_count 4 (--confirm 4)") {
				t.Errorf("%s: %v %v", id, e, e.Metadata)
			}
			mu.Lock()
			defer mu.Unlock()
			refused = append(refused, id)
		})
	}
	all.Wait()
	if len(refused) != tenants-3 {
		t.Fatalf("refused %v, want all but three", refused)
	}
	purge := func(id string, confirm int32) error {
		_, err := r.tenants.PurgeTenant(ctx(t), &registryv1.PurgeTenantRequest{Name: "tenants/" + id, ConfirmCount: confirm})
		return err
	}
	_ = reason(t, "another number", purge(refused[0], 5), errs.FailedPrecondition, "PURGE_LIMIT")
	if now := r.get(t, refused[0]); now.GetPurging() {
		t.Errorf("it is purged: %v", now)
	}
	for range 2 { // the second is of one that has begun
		if err := purge(refused[0], 4); err != nil {
			t.Errorf("the exact number: %v", err)
		}
	}
	_ = reason(t, "the number of the last one", purge(refused[1], 4), errs.FailedPrecondition, "PURGE_LIMIT")
}

func TestForcedPurgeAndReceipt(t *testing.T) {
	r := lively(t)
	force := func() error {
		_, err := r.tenants.PurgeTenant(ctx(t), &registryv1.PurgeTenantRequest{Name: acme, Force: true})
		return err
	}
	receipt := func() (*registryv1.Receipt, error) {
		return r.tenants.GetReceipt(ctx(t), &registryv1.GetReceiptRequest{Name: acme + "/receipt"})
	}
	if _, err := r.tenants.DeleteTenant(ctx(t), &registryv1.DeleteTenantRequest{Name: acme}); err != nil {
		t.Fatal(err)
	}
	r.done(t, 2)
	_ = reason(t, "force at once", force(), errs.FailedPrecondition, "PURGE_NOT_FAILED")
	if _, err := r.tenants.PurgeTenant(ctx(t), &registryv1.PurgeTenantRequest{Name: acme}); err != nil {
		t.Fatal(err)
	}
	_ = reason(t, "force before it failed", force(), errs.FailedPrecondition, "PURGE_NOT_FAILED")
	_, err := receipt()
	_ = reason(t, "receipt too early", err, errs.NotFound, "TENANT_NOT_PURGED")
	if err := r.report(t, "acme", registryv1.TenantStatus_GAVE_UP, 3); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := force(); err != nil {
			t.Fatal(err)
		}
	}
	now := r.get(t, "acme")
	if p := now.GetPurge(); !p.GetForce() || p.GetPrincipal() != "tokens/admin" || now.GetGeneration() != 4 {
		t.Errorf("%v", now)
	}
	long := "unlinkat /var/lib/stampworks/stamps/acme/" + strings.Repeat("d", 200) + "/file: operation not permitted"
	many := slices.Repeat([]string{"volume " + strings.Repeat("x", 300)}, 5000)
	if _, err := r.reports.ReportStatus(context.Background(), &registryv1.ReportStatusRequest{Name: acme, Uid: now.GetUid(), Status: &registryv1.TenantStatus{
		ObservedGeneration: 4, Phase: registryv1.TenantStatus_PURGED, Token: 1, StampRevision: 4,
		Receipt: &registryv1.Receipt{Destroyed: many, LeftBehind: []string{"volume db.data", long}, BackupsKept: []string{"tenants/acme/backups/backup-1"}},
	}}); err != nil {
		t.Fatal(err)
	}
	got, err := receipt()
	if err != nil || got.GetName() != acme+"/receipt" || got.GetTenant() != acme || got.GetUid() != now.GetUid() || got.GetDisplayName() != "acme" ||
		got.GetGeneration() != 4 || got.GetPrincipal() != "tokens/admin" || !got.GetRequestTime().AsTime().Equal(now.GetPurge().GetCreateTime().AsTime()) ||
		got.GetPurgeTime() == nil || !slices.Equal(got.GetLeftBehind(), []string{"volume db.data", long}) || len(got.GetBackupsKept()) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if lines := got.GetDestroyed(); len(lines) != 200 || lines[199] != "and 4801 more" || len(lines[0]) > 110 {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
	_, err = r.tenants.GetTenant(ctx(t), &registryv1.GetTenantRequest{Name: acme})
	if e := reason(t, "one that was purged", err, errs.NotFound, "TENANT_NOT_FOUND"); !strings.Contains(e.Message, "stamp tenant receipt") {
		t.Errorf("one that was purged: %v", e)
	}
	_, err = r.tenants.GetReceipt(ctx(t), &registryv1.GetReceiptRequest{Name: "tenants/nobody/receipt"})
	_ = reason(t, "receipt of nobody", err, errs.NotFound, "TENANT_NOT_FOUND")
	_, err = r.tenants.GetReceipt(ctx(t), &registryv1.GetReceiptRequest{Name: acme})
	violates(t, "no name of a receipt", err, "NAME_INVALID", "name")
}
