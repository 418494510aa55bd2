// Package encoding holds the forms in which the gateway answers: JSON, NDJSON
// and server-sent events for streams, CSV for the billing sheet.
package encoding

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/gateway/internal/problem"
)

// Media types.
const (
	JSON   = "application/json"
	NDJSON = "application/x-ndjson"
	SSE    = "text/event-stream"
	CSV    = "text/csv"
)

// Forms are all of them, for who chooses.
var Forms = []string{JSON, NDJSON, SSE, CSV}

// Options are the marshalers by media type, for a gateway's mux.
func Options() []runtime.ServeMuxOption {
	return []runtime.ServeMuxOption{
		runtime.WithMarshalerOption(runtime.MIMEWildcard, newJSON(JSON)),
		runtime.WithMarshalerOption(NDJSON, newJSON(NDJSON)),
		runtime.WithMarshalerOption(SSE, eventStream{newJSON(SSE)}),
		runtime.WithMarshalerOption(CSV, table{newJSON(JSON)}),
	}
}

// jsonForm writes messages by protobuf's JSON mapping, defaults included, so
// that scripts find every scalar; unknown fields of a request are mistakes.
type jsonForm struct {
	runtime.JSONPb
	contentType string
}

func newJSON(contentType string) *jsonForm {
	return &jsonForm{
		JSONPb: runtime.JSONPb{
			MarshalOptions:   protojson.MarshalOptions{EmitDefaultValues: true},
			UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: false},
		},
		contentType: contentType,
	}
}

// ContentType is that of a single answer, which is JSON whatever stream was
// asked for.
func (j *jsonForm) ContentType(any) string { return JSON }

// StreamContentType says that a stream is one JSON object a line, whatever
// was asked for, unless that was another form of stream.
func (j *jsonForm) StreamContentType(any) string {
	if j.contentType == JSON {
		return NDJSON
	}
	return j.contentType
}

// Marshal writes a message; an error in a stream becomes a problem.
func (j *jsonForm) Marshal(v any) ([]byte, error) {
	if p, is := failure(v); is {
		return json.Marshal(map[string]problem.Problem{"error": p})
	}
	return j.JSONPb.Marshal(v)
}

// failure is the problem in the envelope that grpc-gateway puts an error of a
// stream into.
func failure(v any) (problem.Problem, bool) {
	envelope, _ := v.(map[string]proto.Message)
	s, is := envelope["error"].(*spb.Status)
	if !is {
		return problem.Problem{}, false
	}
	return problem.OfStatus(s), true
}

// Check reports where a text is not JSON: kind InvalidArgument, reason
// BODY_MALFORMED. No text at all is fine.
func Check(text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	var whole json.RawMessage
	err := json.Unmarshal(text, &whole)
	if err == nil {
		return nil
	}
	line, column := 1, 1
	if at := (*json.SyntaxError)(nil); errors.As(err, &at) && at.Offset > 0 {
		before := text[:min(int(at.Offset)-1, len(text))]
		line += bytes.Count(before, []byte("\n"))
		column += len(before) - bytes.LastIndexByte(before, '\n') - 1
	}
	return errs.New(errs.InvalidArgument, "BODY_MALFORMED", "the body is not JSON: line %d, column %d: %w", line, column, err)
}

// Message writes one message as all answers are.
func Message(m proto.Message) ([]byte, error) { return newJSON(JSON).Marshal(m) }
