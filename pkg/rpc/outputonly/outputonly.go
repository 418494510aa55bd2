// Package outputonly tells the fields that only the service sets (AIP-203): one
// that an update mask names is a mistake, one that a mask is made of is not.
//
//	outputonly.Path(tenant.ProtoReflect().Descriptor(), "status.url") // true
package outputonly

import (
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Path says whether a path of a message names an output-only field, or something
// below one. What there is not is none.
func Path(message protoreflect.MessageDescriptor, path string) bool {
	for name := range strings.SplitSeq(path, ".") {
		if message == nil {
			return false
		}
		field := message.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return false
		}
		behaviors, _ := proto.GetExtension(field.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
		if slices.Contains(behaviors, annotations.FieldBehavior_OUTPUT_ONLY) {
			return true
		}
		message = field.Message()
	}
	return false
}
