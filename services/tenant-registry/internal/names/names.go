package names

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"stampworks.dev/pkg/errs"
)

// MaxID is the longest id of a tenant, blueprint, cell or source.
const MaxID = 40

// ReasonInvalid is the reason of a malformed name or id.
const ReasonInvalid = "NAME_INVALID"

// Any stands for all parents in a list (AIP-159). It is no id.
const Any = "-"

var (
	idForm       = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)
	revisionForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+-]{0,39}$`)
	deliveryForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// CheckID refuses an id that is not 1 to 40 of [a-z0-9-], beginning with a
// letter and ending without "-". The reserved id "-" is none.
func CheckID(field, id string) error {
	if idForm.MatchString(id) {
		return nil
	}
	why := `must be lower-case letters, digits and "-", beginning with a letter, not ending with "-", at most 40 characters`
	if id == Any {
		why = `"-" is reserved`
	}
	return invalid(field, id, why)
}

// Tenant names tenants/{ID}.
type Tenant struct{ ID string }

func (n Tenant) String() string { return "tenants/" + n.ID }

// ParseTenant reads "tenants/acme".
func ParseTenant(field, name string) (Tenant, error) {
	id, err := parseOne(field, name, "tenants")
	return Tenant{ID: id}, err
}

// ParseReceipt reads "tenants/acme/receipt".
func ParseReceipt(field, name string) (Tenant, error) {
	tenant, ok := strings.CutSuffix(name, "/receipt")
	if !ok {
		return Tenant{}, invalid(field, name, `must be "tenants/{tenant}/receipt"`)
	}
	return ParseTenant(field, tenant)
}

// Operation is the name of the operation that brings a generation about.
func (n Tenant) Operation(generation int64) string {
	return "operations/" + n.ID + "." + strconv.FormatInt(generation, 10)
}

// Entry is the name of a timeline entry.
func (n Tenant) Entry(id string) string { return n.String() + "/timeline/" + id }

// Cell names cells/{ID}.
type Cell struct{ ID string }

func (n Cell) String() string { return "cells/" + n.ID }

// ParseCell reads "cells/eu-1".
func ParseCell(field, name string) (Cell, error) {
	id, err := parseOne(field, name, "cells")
	return Cell{ID: id}, err
}

// Source names sources/{ID}.
type Source struct{ ID string }

func (n Source) String() string { return "sources/" + n.ID }

// ParseSource reads "sources/hubspot".
func ParseSource(field, name string) (Source, error) {
	id, err := parseOne(field, name, "sources")
	return Source{ID: id}, err
}

// Delivery names sources/{Source}/deliveries/{ID}. The id is the SHA-256 of the
// sender's id of the event, in hexadecimal.
type Delivery struct{ Source, ID string }

func (n Delivery) String() string { return "sources/" + n.Source + "/deliveries/" + n.ID }

// ParseDelivery reads "sources/hubspot/deliveries/3f2a…".
func ParseDelivery(field, name string) (Delivery, error) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 || parts[0] != "sources" || parts[2] != "deliveries" ||
		!idForm.MatchString(parts[1]) || !deliveryForm.MatchString(parts[3]) {
		return Delivery{}, invalid(field, name, `must be "sources/{source}/deliveries/{delivery}"`)
	}
	return Delivery{Source: parts[1], ID: parts[3]}, nil
}

func parseOne(field, name, collection string) (string, error) {
	id, ok := strings.CutPrefix(name, collection+"/")
	if !ok {
		return "", invalid(field, name, fmt.Sprintf(`must be "%s/{id}"`, collection))
	}
	return id, CheckID(field, id)
}

// invalid quotes what was wrong, cut short: it came from outside.
func invalid(field, got, why string) error {
	if len(got) > 100 {
		got = strings.ToValidUTF8(got[:100], "") + "…"
	}
	return errs.Invalid(ReasonInvalid, errs.Violation{Field: field, Description: fmt.Sprintf("%s, got %q", why, got)})
}
