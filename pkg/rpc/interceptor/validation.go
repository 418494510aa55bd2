package interceptor

import (
	"context"
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/errs"
)

// ReasonInvalidRequest is the reason of a request that breaks the rules in its
// proto.
const ReasonInvalidRequest = "INVALID_REQUEST"

// Validation checks requests against the buf.validate rules of their messages
// and answers with a violation for each wrong field.
func Validation(v protovalidate.Validator) Interceptor {
	check := func(msg any) error {
		m, ok := msg.(proto.Message)
		if !ok {
			return nil
		}
		return validate(v, m)
	}
	return func(ctx context.Context, call *Call, next func(context.Context) error) error {
		call.OnMessage(check)
		if call.Request != nil {
			if err := check(call.Request); err != nil {
				return err
			}
		}
		return next(ctx)
	}
}

func validate(v protovalidate.Validator, m proto.Message) error {
	err := v.Validate(m)
	var invalid *protovalidate.ValidationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		return errs.Invalid(ReasonInvalidRequest, violations(invalid)...)
	default:
		return fmt.Errorf("validate %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
}

func violations(e *protovalidate.ValidationError) []errs.Violation {
	list := make([]errs.Violation, 0, len(e.Violations))
	for _, v := range e.Violations {
		description := v.Proto.GetMessage()
		if v.Proto.GetRuleId() == "string.pattern" {
			description = formOf(v.RuleValue.String())
		}
		if description == "" {
			description = "breaks the rule " + v.Proto.GetRuleId()
		}
		list = append(list, errs.Violation{Field: protovalidate.FieldPathString(v.Proto.GetField()), Description: description})
	}
	return list
}

// forms says in words what the patterns of our protos mean: a caller should
// not have to read a regular expression.
var forms = map[string]string{
	`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`: `must be lower-case letters, digits and "-", beginning with a letter, not ending with "-", at most 40 characters`,
}

func formOf(pattern string) string {
	if words, known := forms[pattern]; known {
		return words
	}
	return "must match " + pattern
}
