package blueprint

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

var inputFormats = []string{"email", "hostname", "uri"}

// checkInputs checks that what a blueprint says of each input makes sense.
func (c *compiler) checkInputs() {
	for _, name := range sortedKeys(c.msg.GetInputs()) {
		path, in := "inputs."+name, c.msg.GetInputs()[name]
		if in.GetType() == typev1.Input_TYPE_UNSPECIFIED {
			c.at(path+".type", "is missing", "one of STRING, INT, DOUBLE, BOOL")
			continue
		}
		c.checkTextRules(path, in)
		c.checkNumberRules(path, in)
		for i, v := range in.GetEnum() {
			if _, why := typedInput(in.GetType(), v); why != "" {
				c.at(fmt.Sprintf("%s.enum[%d]", path, i), why, typeForm(in.GetType()))
			}
		}
		if in.GetDefault() == nil {
			continue
		}
		if in.GetRequired() {
			c.at(path+".default", "is of an input that is required", "required or default")
		}
		if _, why := inputValue(in, in.GetDefault()); why != "" {
			c.at(path+".default", why, inputForm(in))
		}
	}
}

func (c *compiler) checkTextRules(path string, in *typev1.Input) {
	if in.GetType() != typev1.Input_STRING {
		for _, rule := range []struct {
			name string
			set  bool
		}{{"format", in.GetFormat() != ""}, {"pattern", in.GetPattern() != ""}, {"max_length", in.GetMaxLength() != 0}} {
			if rule.set {
				c.at(path+"."+rule.name, "is of an input that is not a STRING", "none")
			}
		}
		return
	}
	if f := in.GetFormat(); f != "" && !slices.Contains(inputFormats, f) {
		c.at(path+".format", fmt.Sprintf("%q is not a format", f), "one of email, hostname, uri")
	}
	if _, err := regexp.Compile(in.GetPattern()); err != nil {
		c.at(path+".pattern", fmt.Sprintf("%q is not a regular expression", in.GetPattern()), "RE2 syntax")
	}
	if n := in.GetMaxLength(); n < 0 || n > maxRendered {
		c.at(path+".max_length", fmt.Sprintf("is %d", n), fmt.Sprintf("1 to %d", maxRendered))
	}
}

func (c *compiler) checkNumberRules(path string, in *typev1.Input) {
	if in.GetType() == typev1.Input_INT || in.GetType() == typev1.Input_DOUBLE {
		if in.Minimum != nil && in.Maximum != nil && in.GetMinimum() > in.GetMaximum() {
			c.at(path+".minimum", fmt.Sprintf("is above maximum %v", in.GetMaximum()), "a minimum no greater than the maximum")
		}
		return
	}
	if in.Minimum != nil {
		c.at(path+".minimum", "is of an input that is not a number", "none")
	}
	if in.Maximum != nil {
		c.at(path+".maximum", "is of an input that is not a number", "none")
	}
}

func typeForm(t typev1.Input_Type) string {
	switch t {
	case typev1.Input_INT:
		return "a whole number"
	case typev1.Input_DOUBLE:
		return "a number"
	case typev1.Input_BOOL:
		return "true or false"
	}
	return "a text"
}

// inputForm says what an input takes, for messages.
func inputForm(in *typev1.Input) string {
	form := typeForm(in.GetType())
	switch {
	case in.GetFormat() != "":
		form += ", in the form of " + in.GetFormat()
	case in.GetPattern() != "":
		form += fmt.Sprintf(" that matches %q", in.GetPattern())
	}
	if len(in.GetEnum()) > 0 {
		var allowed []string
		for _, e := range in.GetEnum() {
			allowed = append(allowed, fmt.Sprint(e.AsInterface()))
		}
		form += ", one of " + strings.Join(allowed, ", ")
	}
	if in.Minimum != nil {
		form += fmt.Sprintf(", at least %v", in.GetMinimum())
	}
	if in.Maximum != nil {
		form += fmt.Sprintf(", at most %v", in.GetMaximum())
	}
	return form
}

// exactInt: whole numbers that a JSON number holds exactly.
func exactInt(f float64) (int64, bool) {
	return int64(f), f == math.Trunc(f) && math.Abs(f) <= 1<<53
}
