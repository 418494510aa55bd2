package record

import (
	"fmt"
	"regexp"
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
// "operations/acme.7". Work without a generation, "operations/acme.backup-3",
// has 0.
func ParseOperationName(name string) (id, tenant string, generation int64, err error) {
	id, ok := strings.CutPrefix(name, "operations/")
	dot := strings.LastIndexByte(id, '.')
	if ok && dot > 0 && !strings.Contains(id, "/") {
		if errandID.MatchString(id[dot+1:]) {
			return id, id[:dot], 0, nil
		}
		if generation, err = strconv.ParseInt(id[dot+1:], 10, 64); err == nil && generation > 0 {
			return id, id[:dot], generation, nil
		}
	}
	return "", "", 0, errs.Invalid("NAME_INVALID", errs.Violation{Field: "name", Description: `must be like "operations/acme.7" or "operations/acme.backup-3"`})
}

var errandID = regexp.MustCompile(`^[a-z]+-[1-9][0-9]*$`)

// BackupName is the resource name of a tenant's backup.
func BackupName(tenant, backup string) string { return "tenants/" + tenant + "/backups/" + backup }

// BackupID is where a backup is kept.
func BackupID(tenant, backup string) string { return tenant + "/" + backup }

// ParseBackupName gives the tenant's id and the backup's of
// "tenants/acme/backups/backup-3".
func ParseBackupName(field, name string) (tenant, backup string, err error) {
	rest, ok := strings.CutPrefix(name, "tenants/")
	tenant, backup, found := strings.Cut(rest, "/backups/")
	if !ok || !found || tenant == "" || backup == "" || strings.Contains(tenant+backup, "/") {
		return "", "", errs.Invalid("NAME_INVALID", errs.Violation{Field: field, Description: `must be like "tenants/acme/backups/backup-3"`})
	}
	return tenant, backup, nil
}
