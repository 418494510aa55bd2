// Package headers turns HTTP's own headers into the fields that the API has
// for them: If-Match into etag, Idempotency-Key into request_id.
package headers

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"stampworks.dev/pkg/errs"
)

type key struct{}

type values struct{ etag, requestID string }

// Middleware keeps the headers for the calls that the request leads to.
func Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := values{etag: etag(r.Header.Get("If-Match")), requestID: unquote(r.Header.Get("Idempotency-Key"))}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, v)))
	})
}

// etag takes the tag out of its quotes; "*" is any, so nothing is compared.
func etag(header string) string {
	if header == "*" {
		return ""
	}
	return unquote(strings.TrimPrefix(header, "W/"))
}

func unquote(s string) string { return strings.Trim(strings.TrimSpace(s), `"`) }

// Conn fills the fields of every unary call made through it.
type Conn struct{ grpc.ClientConnInterface }

// Invoke fills the request, then calls.
func (c Conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if v, ok := ctx.Value(key{}).(values); ok {
		if err := fill(args, v); err != nil {
			return err
		}
	}
	return c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

func fill(args any, v values) error {
	msg, ok := args.(proto.Message)
	if !ok {
		return nil
	}
	m := msg.ProtoReflect()
	if v.etag != "" && !set(m, "etag", v.etag) && !setInResource(m, v.etag) {
		return errs.Invalid("IF_MATCH_NOT_SUPPORTED", errs.Violation{
			Field: "If-Match", Description: "this method compares no etag; leave the header out",
		})
	}
	if v.requestID != "" {
		return fillRequestID(m, v.requestID)
	}
	return nil
}

// fillRequestID passes over methods that have no such field: those are
// repeatable as they are.
func fillRequestID(m protoreflect.Message, id string) error {
	field := m.Descriptor().Fields().ByName("request_id")
	if field == nil {
		return nil
	}
	if given := m.Get(field).String(); given != "" && given != id {
		return errs.Invalid("REQUEST_ID_AMBIGUOUS", errs.Violation{
			Field: "request_id", Description: fmt.Sprintf("is %q, but the header Idempotency-Key is %q; send one", given, id),
		})
	}
	m.Set(field, protoreflect.ValueOfString(id))
	return nil
}

// setInResource sets the etag of the resource that an update carries.
func setInResource(m protoreflect.Message, etag string) bool {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Message() != nil && !f.IsList() && !f.IsMap() && m.Has(f) && set(m.Mutable(f).Message(), "etag", etag) {
			return true
		}
	}
	return false
}

func set(m protoreflect.Message, name protoreflect.Name, text string) bool {
	f := m.Descriptor().Fields().ByName(name)
	if f == nil || f.Kind() != protoreflect.StringKind {
		return false
	}
	m.Set(f, protoreflect.ValueOfString(text))
	return true
}
