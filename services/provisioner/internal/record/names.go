package record

import (
	"fmt"
	"strconv"
	"strings"

	"stampworks.dev/pkg/errs"
)

// TenantName is the resource name of a tenant's id, TenantID the id of a name.
func TenantName(id string) string { return "tenants/" + id }

// TenantID is the id in "tenants/acme" or "tenants/acme/stamp".
func TenantID(name string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(name, "tenants/"), "/")
	return id
}

// StampName is the resource name of a tenant's stamp.
func StampName(tenant string) string { return "tenants/" + tenant + "/stamp" }

// ParseStampName gives the tenant's id.
func ParseStampName(name string) (string, error) {
	id, ok := strings.CutPrefix(name, "tenants/")
	id, stamp := strings.CutSuffix(id, "/stamp")
	if !ok || !stamp || id == "" || strings.Contains(id, "/") {
		return "", errs.Invalid("NAME_INVALID", errs.Violation{Field: "name", Description: `must be like "tenants/acme/stamp"`})
	}
	return id, nil
}

// CellName is the resource name of a cell's id; empty stays empty.
func CellName(id string) string {
	if id == "" {
		return ""
	}
	return "cells/" + id
}

// CellID is the id of a cell's name.
func CellID(name string) string { return strings.TrimPrefix(name, "cells/") }

// StampID is where a stamp is kept.
func StampID(cell, tenant string) string { return cell + "/" + tenant }

// OperationID is the id of a generation's operation.
func OperationID(tenant string, generation int64) string {
	return fmt.Sprintf("%s.%d", tenant, generation)
}

// OperationName is the resource name of a generation's operation.
func OperationName(tenant string, generation int64) string {
	return "operations/" + OperationID(tenant, generation)
}

// ParseOperationName gives the id, the tenant and the generation of
// "operations/acme.7".
func ParseOperationName(name string) (id, tenant string, generation int64, err error) {
	id, ok := strings.CutPrefix(name, "operations/")
	dot := strings.LastIndexByte(id, '.')
	if ok && dot > 0 && !strings.Contains(id, "/") {
		if generation, err = strconv.ParseInt(id[dot+1:], 10, 64); err == nil && generation > 0 {
			return id, id[:dot], generation, nil
		}
	}
	return "", "", 0, errs.Invalid("NAME_INVALID", errs.Violation{Field: "name", Description: `must be like "operations/acme.7"`})
}
