package compare

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// text writes a value as the author of a blueprint would: a command as words,
// times and amounts with their units. What is not set is empty.
func text(path string, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return number(path, v)
	case []any:
		if words, ok := words(v); ok {
			return words
		}
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(encoded)
}

// words joins a list of texts; one with a space in it is quoted.
func words(list []any) (string, bool) {
	out := make([]string, len(list))
	for i, v := range list {
		word, ok := v.(string)
		if !ok {
			return "", false
		}
		if word == "" || strings.ContainsAny(word, " \t\n\"") {
			word = strconv.Quote(word)
		}
		out[i] = word
	}
	return strings.Join(out, " "), true
}

// number adds the unit that the field's name says: forms have times in
// nanoseconds, memory and disk in bytes, processor in thousandths of a core.
func number(path string, n float64) string {
	parent, name := "", path
	if dot := strings.LastIndexByte(path, '.'); dot >= 0 {
		parent, name = path[:dot], path[dot+1:]
	}
	switch {
	case name == "timeout" || name == "every" || name == "slow" || name == "stop_grace":
		return time.Duration(n).String()
	case strings.HasPrefix(name, "cpu_"):
		return strconv.FormatInt(int64(n), 10) + "m"
	case strings.HasPrefix(name, "memory_") || strings.HasSuffix(parent, "volume_bytes"):
		return bytes(int64(n))
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// bytes uses the greatest unit that leaves a whole number.
func bytes(n int64) string {
	unit := ""
	for _, next := range []string{"Ki", "Mi", "Gi", "Ti"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, next
	}
	return strconv.FormatInt(n, 10) + unit
}
