package monitor

import (
	"strings"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// asides is what is wrong with a stamp that no probe sees, by its obstacle: a
// program that has a file open goes on in it when that is gone.
var asides = map[string]string{
	"SECRET_UNREADABLE": "Its secrets cannot be opened, so nothing of it can be changed.",
	"DATA_MISSING":      "Data of it is gone from its place: what its customer writes now may be lost.",
}

// aside is what is to be said of a stamp however well it serves.
func aside(s *provisionerv1.Stamp) string {
	var said []string
	for _, o := range s.GetObstacles() {
		if text := asides[o.GetCode()]; text != "" {
			said = append(said, text)
		}
	}
	return strings.Join(said, " ")
}
