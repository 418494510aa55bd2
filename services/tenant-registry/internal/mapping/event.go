package mapping

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"stampworks.dev/pkg/errs"
)

// ErrMalformed says that a body is not one JSON object.
var ErrMalformed = errs.New(errs.InvalidArgument, "BODY_MALFORMED", "body must be one JSON object")

// Event is a decoded body. Whole numbers are integers, so that an id that is a
// number stays exact.
type Event map[string]any

// Decode reads a body. ErrMalformed.
func Decode(body []byte) (Event, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil || object == nil {
		return nil, ErrMalformed.Because(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, ErrMalformed
	}
	whole, _ := exact(object).(map[string]any)
	return whole, nil
}

func exact(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			v[key] = exact(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = exact(inner)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil && !strings.ContainsAny(v.String(), ".eE") {
			return n
		}
		f, err := v.Float64()
		if err != nil { // too large for a number: keep what was written
			return v.String()
		}
		return f
	}
	return v
}
