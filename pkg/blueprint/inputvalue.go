package blueprint

import (
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/blueprint/internal/suggest"
	"stampworks.dev/pkg/errs"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// ResolveInputs checks what a deal says against what the recipe asks, and
// fills in the rest: what the plan fixes, then defaults, then the zero value
// of the type. The result has string, int64, float64 or bool for every
// declared input. Violations have fields such as "inputs.seats"; with any of
// them the map is nil.
//
// A number or truth value may be given as text ("40"): CRMs do. A fixed input
// may be given only as it is fixed.
func (r *Recipe) ResolveInputs(planName string, given map[string]*structpb.Value) (map[string]any, []errs.Violation) {
	p := r.plans[planName]
	if p == nil {
		return nil, []errs.Violation{{Field: "plan", Description: fmt.Sprintf("%s has no plan %q%s", r.Name(), planName, suggest.DidYouMean(planName, r.Plans()))}}
	}
	out := map[string]any{}
	var wrong []errs.Violation
	add := func(name, description string) {
		wrong = append(wrong, errs.Violation{Field: "inputs." + name, Description: description})
	}
	for _, name := range sortedKeys(given) {
		if r.msg.GetInputs()[name] == nil {
			add(name, "is not an input of "+r.Name()+suggest.DidYouMean(name, sortedKeys(r.msg.GetInputs())))
		}
	}
	for _, name := range sortedKeys(r.msg.GetInputs()) {
		v, why := resolveInput(r.msg.GetInputs()[name], p.inputs[name], given[name])
		if why != "" {
			add(name, why)
			continue
		}
		out[name] = v
	}
	if wrong != nil {
		return nil, wrong
	}
	return out, nil
}

func resolveInput(in *typev1.Input, fixed, given *structpb.Value) (any, string) {
	if _, null := given.GetKind().(*structpb.Value_NullValue); null {
		given = nil
	}
	switch {
	case fixed != nil:
		v, why := inputValue(in, fixed)
		if why != "" || given == nil {
			return v, why
		}
		if mine, why := inputValue(in, given); why != "" || mine != v {
			return nil, fmt.Sprintf("is fixed by the plan to %v", v)
		}
		return v, ""
	case given != nil:
		return inputValue(in, given)
	case in.GetRequired():
		return nil, "is required: " + inputForm(in)
	case in.GetDefault() != nil:
		return inputValue(in, in.GetDefault())
	}
	return zeroInput(in.GetType()), ""
}

func zeroInput(t typev1.Input_Type) any {
	switch t {
	case typev1.Input_INT:
		return int64(0)
	case typev1.Input_DOUBLE:
		return 0.0
	case typev1.Input_BOOL:
		return false
	}
	return ""
}

// inputValue reads one value and checks every rule; why is empty when it is
// fine.
func inputValue(in *typev1.Input, v *structpb.Value) (value any, why string) {
	value, why = typedInput(in.GetType(), v)
	if why != "" {
		return nil, why
	}
	if len(in.GetEnum()) > 0 {
		allowed := slices.ContainsFunc(in.GetEnum(), func(e *structpb.Value) bool {
			one, _ := typedInput(in.GetType(), e)
			return one == value
		})
		if !allowed {
			return nil, fmt.Sprintf("%v is not allowed: it takes %s", value, inputForm(in))
		}
	}
	switch x := value.(type) {
	case string:
		why = checkText(in, x)
	case int64:
		why = checkRange(in, float64(x))
	case float64:
		why = checkRange(in, x)
	}
	return value, why
}

// typedInput reads a value of the input's type.
func typedInput(t typev1.Input_Type, v *structpb.Value) (any, string) {
	wrong := "is " + jsonWords(v) + ", not " + typeForm(t)
	switch k := v.GetKind().(type) {
	case *structpb.Value_StringValue:
		if t == typev1.Input_STRING {
			return k.StringValue, ""
		}
		if parsed := inputText(t, k.StringValue); parsed != nil {
			return parsed, ""
		}
	case *structpb.Value_NumberValue:
		if i, ok := exactInt(k.NumberValue); ok && t == typev1.Input_INT {
			return i, ""
		}
		if t == typev1.Input_DOUBLE {
			return k.NumberValue, ""
		}
	case *structpb.Value_BoolValue:
		if t == typev1.Input_BOOL {
			return k.BoolValue, ""
		}
	}
	return nil, wrong
}

// inputText reads a number or truth value that was given as text.
func inputText(t typev1.Input_Type, s string) any {
	s = strings.TrimSpace(s)
	switch t {
	case typev1.Input_INT:
		if i, err := strconv.ParseInt(s, 10, 54); err == nil {
			return i
		}
	case typev1.Input_DOUBLE:
		if f, err := strconv.ParseFloat(s, 64); err == nil && strings.Trim(s, "+-.0123456789eE") == "" {
			return f
		}
	case typev1.Input_BOOL:
		switch strings.ToLower(s) {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return nil
}

func jsonWords(v *structpb.Value) string {
	switch k := v.GetKind().(type) {
	case *structpb.Value_StringValue:
		return fmt.Sprintf("the text %q", k.StringValue)
	case *structpb.Value_NumberValue:
		return fmt.Sprintf("the number %v", k.NumberValue)
	case *structpb.Value_BoolValue:
		return fmt.Sprint(k.BoolValue)
	case *structpb.Value_ListValue:
		return "a list"
	case *structpb.Value_StructValue:
		return "an object"
	}
	return "nothing"
}

func checkRange(in *typev1.Input, f float64) string {
	switch {
	case in.Minimum != nil && f < in.GetMinimum():
		return fmt.Sprintf("%v is below %v", f, in.GetMinimum())
	case in.Maximum != nil && f > in.GetMaximum():
		return fmt.Sprintf("%v is above %v", f, in.GetMaximum())
	}
	return ""
}

// checkText also refuses control characters: a line break in a value would be
// another line of somebody's configuration file.
func checkText(in *typev1.Input, s string) string {
	most := int(in.GetMaxLength())
	if most == 0 {
		most = defaultMaxLength
	}
	switch {
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return "has a control character"
	case utf8.RuneCountInString(s) > most:
		return fmt.Sprintf("is longer than %d characters", most)
	case s == "" && in.GetRequired():
		return "is empty"
	case in.GetFormat() != "" && !formatted(in.GetFormat(), s):
		return fmt.Sprintf("%q does not have the form of %s", s, in.GetFormat())
	case in.GetPattern() != "":
		if whole, err := regexp.Compile(`^(?:` + in.GetPattern() + `)$`); err != nil || !whole.MatchString(s) {
			return fmt.Sprintf("%q does not match %q", s, in.GetPattern())
		}
	}
	return ""
}

var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)

func formatted(format, s string) bool {
	switch format {
	case "email":
		a, err := mail.ParseAddress(s)
		return err == nil && a.Address == s && !strings.ContainsAny(s, ` "<>()`)
	case "hostname":
		return len(s) <= 253 && hostname.MatchString(s)
	case "uri":
		u, err := url.Parse(s)
		return err == nil && u.Scheme != "" && (u.Host != "" || u.Opaque != "" || u.Path != "")
	}
	return true
}
