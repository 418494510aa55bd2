// Package mask applies the field masks of update requests (AIP-134) to the fields
// of a resource that callers may set.
package mask

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/outputonly"
)

// Fields are the names of the fields that a caller may set. The rest is ours,
// and is ignored where a caller sends it (AIP-203); one that a mask names is a
// mistake (AIP-161).
type Fields []string

// Copy gives a message of its own with only these fields.
func (f Fields) Copy(from proto.Message) proto.Message {
	only := from.ProtoReflect().New().Interface()
	for _, field := range f {
		copyField(only, from, field)
	}
	return proto.Clone(only)
}

// Apply copies the masked fields of from into to; afterwards they share maps and
// messages. No paths is every field that is set; "*" is every field, set or not.
// A path may go one step into a message or a map: "contact.email", "labels.tier".
// A path that there is not, or that is output only, is a violation of "update_mask".
func (f Fields) Apply(to, from proto.Message, paths []string) error {
	switch {
	case len(paths) == 0:
		for _, field := range f {
			if from.ProtoReflect().Has(descriptor(from, field)) {
				copyField(to, from, field)
			}
		}
		return nil
	case slices.Contains(paths, "*"):
		if len(paths) > 1 {
			return refuse(`"*" stands alone`)
		}
		for _, field := range f {
			copyField(to, from, field)
		}
		return nil
	}
	for _, path := range paths {
		if err := f.applyPath(to, from, path); err != nil {
			return err
		}
	}
	return nil
}

// Changed names the fields in which two messages differ.
func (f Fields) Changed(a, b proto.Message) []string {
	var names []string
	for _, field := range f {
		fd := descriptor(a, field)
		if a.ProtoReflect().Has(fd) != b.ProtoReflect().Has(fd) || !a.ProtoReflect().Get(fd).Equal(b.ProtoReflect().Get(fd)) {
			names = append(names, field)
		}
	}
	return names
}

func (f Fields) applyPath(to, from proto.Message, path string) error {
	field, rest, deeper := strings.Cut(path, ".")
	fd := descriptor(from, field)
	if fd == nil {
		return refuse(fmt.Sprintf("has the path %q, which there is not", path))
	}
	if outputonly.Path(from.ProtoReflect().Descriptor(), path) {
		return refuse(fmt.Sprintf("has the path %q, which is output only: leave it out", path))
	}
	if !slices.Contains(f, field) {
		return nil
	}
	if !deeper {
		copyField(to, from, field)
		return nil
	}
	dst, src := to.ProtoReflect(), from.ProtoReflect()
	switch {
	case fd.IsMap():
		key := protoreflect.ValueOfString(rest).MapKey()
		if src.Get(fd).Map().Has(key) {
			dst.Mutable(fd).Map().Set(key, src.Get(fd).Map().Get(key))
		} else if dst.Has(fd) {
			dst.Mutable(fd).Map().Clear(key)
		}
		return nil
	case fd.Message() != nil:
		inner := fd.Message().Fields().ByName(protoreflect.Name(rest))
		if inner == nil {
			break
		}
		if src.Get(fd).Message().Has(inner) {
			dst.Mutable(fd).Message().Set(inner, src.Get(fd).Message().Get(inner))
		} else if dst.Has(fd) {
			dst.Mutable(fd).Message().Clear(inner)
		}
		return nil
	}
	return refuse(fmt.Sprintf("has the path %q, which there is not", path))
}

func descriptor(m proto.Message, field string) protoreflect.FieldDescriptor {
	return m.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(field))
}

func copyField(to, from proto.Message, field string) {
	fd := descriptor(from, field)
	if from.ProtoReflect().Has(fd) {
		to.ProtoReflect().Set(fd, from.ProtoReflect().Get(fd))
	} else {
		to.ProtoReflect().Clear(fd)
	}
}

func refuse(why string) error {
	return errs.Invalid("MASK_INVALID", errs.Violation{Field: "update_mask", Description: why})
}
