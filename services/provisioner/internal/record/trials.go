package record

import (
	"regexp"
	"strings"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// A trial is a throw-away stamp that one operation makes and destroys. Its id
// takes the place of a tenant's wherever a stamp is worked on: "3-verify-acme" of
// "acme.verify-3". It begins with a digit, as no tenant's does, and is not used
// again, as no operation's is.
var trialID = regexp.MustCompile(`^([1-9][0-9]*)-verify-(.+)$`)

// TrialOperation is the id of the operation that a trial belongs to; false when
// the id is a tenant's.
func TrialOperation(id string) (operation string, trial bool) {
	m := trialID.FindStringSubmatch(id)
	if m == nil {
		return "", false
	}
	return m[2] + ".verify-" + m[1], true
}

// WorksOn is the id of the stamp that an operation is about: its trial, or else
// its tenant's.
func WorksOn(op *pb.OperationRecord) string {
	tenant := TenantID(op.GetMetadata().GetTenant())
	if op.GetErrand().GetVerifyBackup() == nil {
		return tenant
	}
	return op.GetName()[strings.LastIndexByte(op.GetName(), '-')+1:] + "-verify-" + tenant
}

// NewTrial begins the record of a trial, and OpenTrial takes it up, as NewBook
// and OpenBook do a stamp's.
func (s *Store) NewTrial(cell, trial string, guard store.Cond) *Book {
	b := s.NewBook(cell, trial, guard)
	b.stamps = s.Trials
	return b
}

// OpenTrial takes up the record of a trial.
func (s *Store) OpenTrial(v store.Versioned[*pb.Stamp], guard store.Cond) *Book {
	b := s.OpenBook(v, guard)
	b.stamps, b.id = s.Trials, s.Trials.ID(v.Key)
	return b
}
