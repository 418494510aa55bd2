package rest

import (
	"context"
	"net/http"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"stampworks.dev/pkg/rpc/outputonly"
)

type impliedKey struct{}

// noteMask notes of a PATCH that it names no fields: its mask is then made of the
// fields of the body. Whoever sends back what was read names nothing by it.
func noteMask(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); r.Method == http.MethodPatch && !query.Has("update_mask") && !query.Has("updateMask") {
			r = r.WithContext(context.WithValue(r.Context(), impliedKey{}, true))
		}
		next.ServeHTTP(w, r)
	})
}

func implied(ctx context.Context) bool {
	is, _ := ctx.Value(impliedKey{}).(bool)
	return is
}

// leaveOutOurs takes the output-only fields from the mask of an update, which is
// of its one resource (AIP-161).
func leaveOutOurs(args any) {
	req, ok := args.(interface {
		proto.Message
		GetUpdateMask() *fieldmaskpb.FieldMask
	})
	if !ok || req.GetUpdateMask() == nil {
		return
	}
	fields := req.ProtoReflect().Descriptor().Fields()
	mask := fields.ByName("update_mask").Message()
	for i := range fields.Len() {
		resource := fields.Get(i).Message()
		if resource == nil || resource == mask || !req.ProtoReflect().Has(fields.Get(i)) {
			continue
		}
		req.GetUpdateMask().Paths = slices.DeleteFunc(req.GetUpdateMask().Paths, func(path string) bool { return outputonly.Path(resource, path) })
	}
}
