// Package quantity reads amounts of processor, memory and disk in the notation
// of Kubernetes resource quantities ("250m", "2", "0.5", "256Mi", "10Gi",
// "500M"), without that project's exponents and arbitrary precision.
package quantity

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// What each form is, for error messages.
const (
	CPUForm   = `a processor quantity such as "250m", "2" or "0.5"`
	BytesForm = `a number of bytes such as "256Mi", "10Gi" or "500M"`
)

// CPU reads an amount of processor in thousandths of a core, at least 1.
func CPU(text string) (int64, error) {
	scale := 1000.0
	if digits, ok := strings.CutSuffix(text, "m"); ok {
		scale, text = 1, digits
	}
	n, err := decimal(text)
	if err != nil {
		return 0, err
	}
	return bounded(n*scale, 1e9)
}

var suffixes = []struct {
	text  string
	scale float64
}{
	{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40}, {"Pi", 1 << 50},
	{"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"P", 1e15},
}

// Bytes reads an amount of memory or disk in bytes, at least 1.
func Bytes(text string) (int64, error) {
	scale := 1.0
	for _, s := range suffixes {
		if digits, ok := strings.CutSuffix(text, s.text); ok {
			scale, text = s.scale, digits
			break
		}
	}
	n, err := decimal(text)
	if err != nil {
		return 0, err
	}
	return bounded(n*scale, 1<<60)
}

// decimal reads digits with at most one point: no sign, exponent or blank.
func decimal(text string) (float64, error) {
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return 0, fmt.Errorf("%q is not a quantity", text)
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a quantity", text)
	}
	return n, nil
}

// bounded rounds up: a reservation is never less than what was asked.
func bounded(n, most float64) (int64, error) {
	n = math.Ceil(n)
	if n < 1 || n > most {
		return 0, fmt.Errorf("quantity %g is out of range 1 to %g", n, most)
	}
	return int64(n), nil
}
