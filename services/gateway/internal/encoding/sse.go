package encoding

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// eventStream writes server-sent events (WHATWG HTML §9.2). The id is the
// message's revision, where it has one, so that a client that comes back with
// Last-Event-ID misses nothing; the event is its type, in lower case.
type eventStream struct{ *jsonForm }

// Delimiter ends an event.
func (eventStream) Delimiter() []byte { return []byte("\n\n") }

// Marshal writes one message of a stream, {"result": message}, as an event of
// its own; an error is the event "error" with the problem. What is no stream
// stays JSON.
func (e eventStream) Marshal(v any) ([]byte, error) {
	if p, is := failure(v); is {
		text, err := json.Marshal(p)
		return append([]byte("event: error\ndata: "), text...), err
	}
	envelope, _ := v.(map[string]any)
	message, streamed := envelope["result"]
	if !streamed {
		return e.jsonForm.Marshal(v)
	}
	text, err := e.jsonForm.Marshal(message)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if id := field(message, "revision"); id != "" && id != "0" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	if kind := field(message, "type"); kind != "" {
		fmt.Fprintf(&b, "event: %s\n", strings.ToLower(kind))
	}
	fmt.Fprintf(&b, "data: %s", text)
	return b.Bytes(), nil
}

// field gives a scalar field of a message as text, or nothing.
func field(v any, name protoreflect.Name) string {
	msg, ok := v.(proto.Message)
	if !ok {
		return ""
	}
	m := msg.ProtoReflect()
	f := m.Descriptor().Fields().ByName(name)
	switch {
	case f == nil || f.IsList() || f.IsMap() || f.Message() != nil:
		return ""
	case f.Enum() != nil:
		return string(f.Enum().Values().ByNumber(m.Get(f).Enum()).Name())
	}
	return m.Get(f).String()
}
