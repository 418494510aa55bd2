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
	"stampworks.dev/services/gateway/internal/problem"
)

type key struct{}

type values struct{ etag, requestID string }

// Middleware keeps the headers for the calls that the request leads to.
func Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tag, err := etag(r.Header.Values("If-Match"))
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		v := values{etag: tag, requestID: unquote(strings.TrimSpace(r.Header.Get("Idempotency-Key")))}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, v)))
	})
}

// etag takes the tag out of an If-Match (RFC 9110 §13.1.1): in quotes, weak or
// without any quotes at all, as people type it. "*" is any, so nothing is
// compared; of several tags none can be the one that was seen.
func etag(header []string) (string, error) {
	text := strings.TrimSpace(strings.Join(header, ", "))
	if text == "" || text == "*" {
		return "", nil
	}
	tag := unquote(strings.TrimPrefix(text, "W/"))
	if tag == "" || strings.ContainsFunc(tag, func(c rune) bool { return c <= ' ' || c == '"' || c == ',' || c >= 0x7f }) {
		return "", errs.Invalid("IF_MATCH_MALFORMED", errs.Violation{
			Field: "If-Match", Description: `is not one etag, such as "7"`,
		})
	}
	return tag, nil
}

// unquote takes off one pair of quotes.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

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
