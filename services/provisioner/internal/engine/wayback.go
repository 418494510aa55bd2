package engine

import (
	"strings"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// patience is how many attempts are made while customers are kept out, at what may
// pass by itself.
const patience = 5

// opensAgain says whether a restore that has failed before it touched anything ends
// there, and so that it does: customers who are kept out do not wait for a disk to
// be freed, and not for long for a cell. Without its secrets nothing can be opened.
func (r *run) opensAgain(f *typev1.Failure) bool {
	if !r.untouched() || !r.book.Stamp.GetClosed() || f.GetCode() == typev1.Failure_SECRET_UNREADABLE {
		return false
	}
	if !turnsBack(f.GetCode()) && f.GetAttempt() < patience {
		return false
	}
	f.Retryable = false
	for _, itself := range []string{"; the stamp goes on by itself", "; the stamp is tried again by itself"} {
		f.NextAction = strings.Replace(f.GetNextAction(), itself, ", then restore again", 1)
	}
	return true
}

// triesBackAgain says whether a way back that did not bring the data back is tried
// again, and so that it is: what failed may pass, and data that is half of two
// would keep customers out until a person has come.
func (r *run) triesBackAgain(f *typev1.Failure) bool {
	why := r.turnedBy()
	if why == nil || r.trial() || f.GetCode() != typev1.Failure_RESTORE_FAILED || f.GetAttempt() >= why.GetAttempt()+patience-1 {
		return false
	}
	f.Retryable, f.NextAction = true, "Read the job's last lines; it is tried again by itself, a few times."
	return true
}
