package monitor

import (
	"slices"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// aside is what is wrong with a stamp that no probe sees, however well it serves.
func aside(s *provisionerv1.Stamp) string {
	if slices.ContainsFunc(s.GetObstacles(), func(o *typev1.Obstacle) bool {
		return o.GetCode() == typev1.Failure_SECRET_UNREADABLE.String()
	}) {
		return "Its secrets cannot be opened, so nothing of it can be changed."
	}
	return ""
}
