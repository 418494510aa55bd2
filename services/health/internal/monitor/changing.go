package monitor

import (
	"fmt"
	"path"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// changing says what is being done to a stamp that its customers may notice. An
// upgrade that has not begun has a generation that the stamp does not have yet.
func changing(s *provisionerv1.Stamp) string {
	u := s.GetUpgrade()
	begun := u != nil && u.GetGeneration() == s.GetGeneration() && s.GetDoneGeneration() < s.GetGeneration()
	switch {
	case gaveUp(s):
		return ""
	case begun && u.GetFailure() != nil:
		return fmt.Sprintf("The upgrade to %s failed, and it is being brought back to %s.", path.Base(u.GetTo()), path.Base(u.GetFrom().GetBlueprint()))
	case begun:
		return fmt.Sprintf("It is being upgraded to %s.", path.Base(u.GetTo()))
	case u == nil && s.GetClosed() && s.GetHalfRestoredGeneration() == 0:
		return "Customers are kept out while its data is brought back."
	}
	return ""
}
