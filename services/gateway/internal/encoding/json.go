// Package encoding holds the forms in which the gateway answers: JSON, NDJSON
// and server-sent events for streams, CSV for the billing sheet.
package encoding

import (
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
)

// Media types.
const (
	JSON   = "application/json"
	NDJSON = "application/x-ndjson"
	SSE    = "text/event-stream"
	CSV    = "text/csv"
)

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

func (j *jsonForm) ContentType(any) string { return j.contentType }

// StreamContentType says that a stream is one JSON object a line, whatever
// was asked for, unless that was another form of stream.
func (j *jsonForm) StreamContentType(any) string {
	if j.contentType == JSON {
		return NDJSON
	}
	return j.contentType
}
