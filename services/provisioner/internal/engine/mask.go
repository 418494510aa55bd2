package engine

import (
	"errors"
	"strings"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// mask keeps secrets that a program printed out of what is kept and shown.
func mask(f *typev1.Failure, masks *strings.Replacer) {
	f.Message = masks.Replace(f.GetMessage())
	for i, line := range f.GetEvidence() {
		f.Evidence[i] = masks.Replace(line)
	}
}

// masked is the text of an error, for a trace.
func masked(err error, masks *strings.Replacer) error {
	if err == nil {
		return nil
	}
	return errors.New(masks.Replace(err.Error()))
}
