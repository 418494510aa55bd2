package blueprint

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// digestOf hashes a canonical form, because protobuf's binary form may differ
// between versions of its library, and its JSON form does on purpose. The
// canonical form is JSON without white space: the fields that are set, by
// their names in the proto file, sorted; the entries of maps sorted by key;
// enums by name, numbers in the shortest decimals that read back the same.
func digestOf(m proto.Message) string {
	var b bytes.Buffer
	canonicalMessage(&b, m.ProtoReflect())
	sum := sha256.Sum256(b.Bytes())
	return "sha256:" + hex.EncodeToString(sum[:])
}

func canonicalMessage(b *bytes.Buffer, m protoreflect.Message) {
	var set []protoreflect.FieldDescriptor
	m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		set = append(set, f)
		return true
	})
	slices.SortFunc(set, func(x, y protoreflect.FieldDescriptor) int { return cmp.Compare(x.Name(), y.Name()) })
	b.WriteByte('{')
	for i, f := range set {
		separate(b, i)
		quote(b, string(f.Name()))
		b.WriteByte(':')
		canonicalField(b, f, m.Get(f))
	}
	b.WriteByte('}')
}

func canonicalField(b *bytes.Buffer, f protoreflect.FieldDescriptor, v protoreflect.Value) {
	switch {
	case f.IsMap():
		canonicalMap(b, f, v.Map())
	case f.IsList():
		b.WriteByte('[')
		for i := range v.List().Len() {
			separate(b, i)
			canonicalScalar(b, f, v.List().Get(i))
		}
		b.WriteByte(']')
	default:
		canonicalScalar(b, f, v)
	}
}

func canonicalMap(b *bytes.Buffer, f protoreflect.FieldDescriptor, m protoreflect.Map) {
	var keys []string
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k.String())
		return true
	})
	slices.Sort(keys)
	b.WriteByte('{')
	for i, key := range keys {
		separate(b, i)
		quote(b, key)
		b.WriteByte(':')
		canonicalScalar(b, f.MapValue(), m.Get(protoreflect.ValueOfString(key).MapKey()))
	}
	b.WriteByte('}')
}

func canonicalScalar(b *bytes.Buffer, f protoreflect.FieldDescriptor, v protoreflect.Value) {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		canonicalMessage(b, v.Message())
	case protoreflect.StringKind:
		quote(b, v.String())
	case protoreflect.EnumKind:
		if d := f.Enum().Values().ByNumber(v.Enum()); d != nil {
			quote(b, string(d.Name()))
			return
		}
		fmt.Fprint(b, v.Enum())
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		b.WriteString(strconv.FormatFloat(v.Float(), 'g', -1, 64))
	case protoreflect.BytesKind:
		quote(b, hex.EncodeToString(v.Bytes()))
	default:
		fmt.Fprint(b, v.Interface())
	}
}

func separate(b *bytes.Buffer, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

func quote(b *bytes.Buffer, s string) {
	text, err := json.Marshal(s)
	if err != nil { // a string always can be
		text = strconv.AppendQuote(nil, s)
	}
	b.Write(text)
}
