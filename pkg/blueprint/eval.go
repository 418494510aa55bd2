package blueprint

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// evalWithin is how long one expression may take: the cost of CEL's steps says
// little about their time when lists hold each other.
const (
	evalWithin     = time.Second
	interruptEvery = 10 // steps of a loop
)

// eval gives the expression's result as text.
func (e *expression) eval(vars cel.Activation) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), evalWithin)
	defer cancel()
	out, _, err := e.program.ContextEval(ctx, vars)
	if err != nil {
		return "", fmt.Errorf("evaluate ${%s}: %w", strings.TrimSpace(e.source), err)
	}
	s, err := textOf(out)
	if err != nil {
		return "", fmt.Errorf("evaluate ${%s}: %w", strings.TrimSpace(e.source), err)
	}
	return s, nil
}

// textOf is how a result is written: numbers in decimals, never with an
// exponent below 10²¹.
func textOf(v ref.Val) (string, error) {
	switch v := v.(type) {
	case types.String:
		if strings.ContainsRune(string(v), 0) {
			return "", fmt.Errorf("the text has a NUL byte")
		}
		return string(v), nil
	case types.Int:
		return strconv.FormatInt(int64(v), 10), nil
	case types.Uint:
		return strconv.FormatUint(uint64(v), 10), nil
	case types.Bool:
		return strconv.FormatBool(bool(v)), nil
	case types.Double:
		f := float64(v)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return "", fmt.Errorf("the number is %v", f)
		}
		format := byte('f')
		if math.Abs(f) >= 1e21 {
			format = 'g'
		}
		return strconv.FormatFloat(f, format, -1, 64), nil
	}
	return "", fmt.Errorf("the result is %s", v.Type().TypeName())
}
