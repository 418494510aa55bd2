package engine

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

// halfRestored says whether the data is half of two: it was to be brought back,
// and that failed both ways. However well what runs on it answers, no customer
// may see it before a person has said so.
func halfRestored(have *Stamp) bool { return have.GetHalfRestoredGeneration() != 0 }

// leaveHalf notes that the data was left so, and gives the failure that tells it.
// Where is where the data of before is, next what to do.
func (r *run) leaveHalf(why, f *typev1.Failure, what, where, next string) *typev1.Failure {
	said := fmt.Sprintf("%s %s was NOT brought back: %s %s The endpoint stays closed.", why.GetMessage(), what, f.GetMessage(), where)
	worse := failure.New(typev1.Failure_RESTORE_FAILED, f.GetComponent(), said, f.GetEvidence()...).Failure
	worse.Retryable, worse.NextAction = false, next
	r.book.Stamp.HalfRestoredGeneration = r.asked.GetGeneration()
	r.book.Stamp.Failure = worse
	r.obstruct(&typev1.Obstacle{Code: worse.GetCode().String(), Message: said, NextAction: next})
	return worse
}

// wholeAgain notes that the data is of one backup, or that somebody wished for
// what there is.
func (r *run) wholeAgain() {
	s := r.book.Stamp
	if halfRestored(s) {
		s.HalfRestoredGeneration, s.Failure = 0, nil
	}
	s.WholeBackup = ""
	s.Obstacles = slices.DeleteFunc(s.GetObstacles(), func(o *typev1.Obstacle) bool {
		return o.GetCode() == typev1.Failure_RESTORE_FAILED.String()
	})
}

// noteWhole notes, before a restore touches the data, which backup has what is
// there. Data that is half of two already has one.
func (r *run) noteWhole() {
	s := r.book.Stamp
	k, restores := r.kind().(restoreErrand)
	if safety := k.work.GetSafetyBackup(); restores && !halfRestored(s) && ended(s, keepID, safety) {
		s.WholeBackup = safety
	}
}

// forgetWhole notes that the data is what it was before.
func (r *run) forgetWhole() {
	if s := r.book.Stamp; !halfRestored(s) {
		s.WholeBackup = ""
	}
}

// restsHalf says whether nothing is done by itself: what there is is evidence, and
// the data is not worked on.
func (r *run) restsHalf() bool {
	return r.board.op == nil && r.wish.Lifecycle == pb.Stamp_RUNNING && halfRestored(r.book.Stamp)
}

// reopens says whether this run may open the endpoint on whatever data there is:
// a generation that somebody wished for since. That overrides have expired is
// nobody's wish.
func (r *run) reopens() bool {
	s := r.book.Stamp
	if r.book.Op == nil || r.isErrand() || r.asked.GetGeneration() <= s.GetHalfRestoredGeneration() {
		return false
	}
	now, was := specOf(r.asked), proto.CloneOf(settledSpec(r.asked, s))
	if len(was.GetValues())+len(was.GetResources()) == 0 {
		return true
	}
	was.Values, was.Resources = nil, nil
	return !proto.Equal(now, was)
}

// staysShut says whether the endpoint is not opened, whatever answers.
func (w Wish) staysShut(have *Stamp) bool {
	return halfRestored(have) && !w.restores(have) && !w.Reopens
}

// isUndo says whether a key is of the way back from a restore: what that brings
// back is what was there before, whole or not.
func isUndo(key string) bool { return strings.HasPrefix(key, undoOf("")) }
