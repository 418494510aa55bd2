package encoding

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"time"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// table writes a list of tenants as CSV (RFC 4180), for the billing sheet.
// What is no list of tenants is JSON.
type table struct{ *jsonForm }

// ContentType is CSV for a list of tenants.
func (t table) ContentType(v any) string {
	if _, ok := v.(*registryv1.ListTenantsResponse); ok {
		return CSV + "; charset=utf-8; header=present"
	}
	return JSON
}

// Marshal writes one page with its heading.
func (t table) Marshal(v any) ([]byte, error) {
	list, ok := v.(*registryv1.ListTenantsResponse)
	if !ok {
		return t.jsonForm.Marshal(v)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write([]string{
		"tenant", "display_name", "state", "blueprint", "plan", "region", "cell", "url",
		"deal_id", "amount", "currency", "owner", "contact", "create_time", "delete_time",
	})
	for _, tenant := range list.GetTenants() {
		_ = w.Write(row(tenant))
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func row(t *registryv1.Tenant) []string {
	deal, status := t.GetDeal(), t.GetStatus()
	amount := ""
	if deal.GetAmount() != 0 {
		amount = strconv.FormatFloat(deal.GetAmount(), 'f', -1, 64)
	}
	deleted := ""
	if t.GetDeleteTime() != nil {
		deleted = t.GetDeleteTime().AsTime().Format(time.RFC3339)
	}
	cells := []string{
		strings.TrimPrefix(t.GetName(), "tenants/"), t.GetDisplayName(), t.GetState().String(),
		strings.TrimPrefix(t.GetBlueprint(), "blueprints/"), t.GetPlan(), t.GetRegion(),
		strings.TrimPrefix(status.GetCell(), "cells/"), status.GetUrl(),
		deal.GetId(), amount, deal.GetCurrency(), deal.GetOwner(), t.GetContact().GetEmail(),
		t.GetCreateTime().AsTime().Format(time.RFC3339), deleted,
	}
	for i := range cells {
		cells[i] = harmless(cells[i])
	}
	return cells
}

// harmless keeps a spreadsheet from taking a text for a formula (OWASP, CSV
// injection): customers choose their own names.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
