package encoding

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// eventStream writes server-sent events (WHATWG HTML §9.2). The id is the
// message's revision, where it has one, so that a client that comes back with
// Last-Event-ID misses nothing; the event is its type, in lower case.
type eventStream struct{ *jsonForm }

// Delimiter ends an event.
func (eventStream) Delimiter() []byte { return []byte("\n\n") }

// Marshal writes one message of a stream: {"result": message}, or an error.
func (e eventStream) Marshal(v any) ([]byte, error) {
	message, err := unwrap(v)
	if err != nil {
		return nil, err
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
		fmt.Fprintf(&b, "event: %s\n", bytes.ToLower([]byte(kind)))
	}
	fmt.Fprintf(&b, "data: %s", text)
	return b.Bytes(), nil
}

// unwrap takes the message out of the gateway's envelope. An error stays in
// its own, so that a reader can tell.
func unwrap(v any) (any, error) {
	switch envelope := v.(type) {
	case map[string]any:
		if result, ok := envelope["result"]; ok {
			return result, nil
		}
	case map[string]proto.Message:
		return envelope, nil
	}
	return v, nil
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
