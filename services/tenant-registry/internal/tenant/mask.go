package tenant

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// mutable are the fields that a caller may set; the rest is ours, and is ignored
// where a caller sends it (AIP-203).
var mutable = []string{
	"display_name", "labels", "annotations", "blueprint", "plan", "region", "cell", "inputs", "deletion_protection", "deal", "contact",
}

// forPeople are the fields that the stamp does not depend on.
var forPeople = []string{"labels", "annotations", "deletion_protection", "deal", "contact"}

// applyMask copies the masked fields of a request into a spec. No paths is every
// field that is set; "*" is every field, set or not. A path may go into a
// message or a map: "contact.email", "labels.tier".
func applyMask(spec, asked *registryv1.Tenant, paths []string) error {
	switch {
	case len(paths) == 0:
		for _, field := range mutable {
			if asked.ProtoReflect().Has(descriptor(field)) {
				copyField(spec, asked, field)
			}
		}
		return nil
	case slices.Contains(paths, "*"):
		if len(paths) > 1 {
			return errs.Invalid("MASK_INVALID", errs.Violation{Field: "update_mask", Description: `"*" stands alone`})
		}
		for _, field := range mutable {
			copyField(spec, asked, field)
		}
		return nil
	}
	for _, path := range paths {
		if err := applyPath(spec, asked, path); err != nil {
			return err
		}
	}
	return nil
}

func applyPath(spec, asked *registryv1.Tenant, path string) error {
	field, rest, deeper := strings.Cut(path, ".")
	fd := descriptor(field)
	if fd == nil {
		return errs.Invalid("MASK_INVALID", errs.Violation{Field: "update_mask", Description: fmt.Sprintf("has the path %q, which a tenant does not have", path)})
	}
	if !slices.Contains(mutable, field) {
		return nil
	}
	if !deeper {
		copyField(spec, asked, field)
		return nil
	}
	to, from := spec.ProtoReflect(), asked.ProtoReflect()
	switch {
	case fd.IsMap():
		key := protoreflect.ValueOfString(rest).MapKey()
		if from.Get(fd).Map().Has(key) {
			to.Mutable(fd).Map().Set(key, from.Get(fd).Map().Get(key))
		} else if to.Has(fd) {
			to.Mutable(fd).Map().Clear(key)
		}
		return nil
	case fd.Message() != nil:
		inner := fd.Message().Fields().ByName(protoreflect.Name(rest))
		if inner == nil {
			break
		}
		if from.Get(fd).Message().Has(inner) {
			to.Mutable(fd).Message().Set(inner, from.Get(fd).Message().Get(inner))
		} else if to.Has(fd) {
			to.Mutable(fd).Message().Clear(inner)
		}
		return nil
	}
	return errs.Invalid("MASK_INVALID", errs.Violation{Field: "update_mask", Description: fmt.Sprintf("has the path %q, which a tenant does not have", path)})
}

func descriptor(field string) protoreflect.FieldDescriptor {
	return (&registryv1.Tenant{}).ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(field))
}

func copyField(to, from *registryv1.Tenant, field string) {
	fd := descriptor(field)
	if from.ProtoReflect().Has(fd) {
		to.ProtoReflect().Set(fd, from.ProtoReflect().Get(fd))
	} else {
		to.ProtoReflect().Clear(fd)
	}
}

// changed names the mutable fields in which two wishes differ.
func changed(a, b *registryv1.Tenant) []string {
	var fields []string
	for _, field := range mutable {
		one, other := &registryv1.Tenant{}, &registryv1.Tenant{}
		copyField(one, a, field)
		copyField(other, b, field)
		if !proto.Equal(one, other) {
			fields = append(fields, field)
		}
	}
	return fields
}
